"""A transform, and one connection or datagram that goes through it.

A script gets a Connection whose handshake is done and returns what is sent: lists of frames, and
functions that say whether what they wait for has come. The same script runs with the attack and
with its benign twin, which differs in one letter.
"""
import dataclasses
import struct
import typing

import frames as f
from evasion_wire import (CLIENT_MAC, FAST_OPEN_PORT, NEAR, PORT, SERVER_MAC, SLOW_PORT,
                          TUNNEL_MAC)

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
USUAL = PSH | ACK
WORD = b"UNION SELECT password FROM users"
RAW = b"LOGIN admin' UNION SELECT password FROM users WHERE name = 'admin' --\n"
DATA = {"attack": RAW, "benign": RAW.replace(b"password", b"passwort")}
CLOCK = 0x10000000  # of the client's timestamps
MSS = b"\x02\x04\x05\xb4"
SYN_WITH_CLOCK = MSS + b"\x04\x02\x01\x03\x03\x07\x01\x01"  # timestamps come by themselves


def reads_word(received):
    return WORD in received


@dataclasses.dataclass
class Case:
    """`loses`: why the benign twin is refused, where it is by design. `judged`: what Linux makes of
    it is Linux's choice, and only where it takes the attack is it a transform."""
    family: str
    name: str
    script: typing.Callable
    loses: str = ""
    judged: bool = False
    data: dict = dataclasses.field(default_factory=lambda: DATA)
    ends: dict = dataclasses.field(default_factory=lambda: NEAR)
    version: int = 4
    link: typing.Callable | None = None
    tunnel: bool = False
    udp: bool = False
    port: int = PORT
    first_sequence: int = 0x20000000
    syn_options: bytes = MSS
    timestamps: bool = False
    clock: int = CLOCK
    opens: bool = True  # by an ordinary handshake
    is_midway: bool = False  # the gateway does not see the handshake
    marker: str = ""    # what readers of HTTP look for; "" where the bytes are the attack

    def arrived(self, received):
        """The attack's bytes are there; what an application makes of HTTP is asked later."""
        return received == self.data["attack"] if self.marker else reads_word(received)

    @property
    def title(self):
        return f"{self.family}: {self.name}"


def plain_link(packet, to_server):
    """Every frame has the client's side of the wire but those of a tunnel's far end."""
    kind = f.IPV4 if packet[0] >> 4 == 4 else f.IPV6
    ends = (SERVER_MAC, CLIENT_MAC) if to_server else (CLIENT_MAC, SERVER_MAC)
    return f.ether(kind, packet, *ends)


class Connection:
    """The client's end. Places in the stream count from its first byte of data."""

    def __init__(self, case, twin, port, receivers):
        self.case, self.twin, self.local, self.receivers = case, twin, port, receivers
        self.data = case.data[twin]
        client, self.server = case.ends[case.version]
        self.client = client.format(port >> 8, port & 0xff)
        self.link = case.link or plain_link
        self.first = (case.first_sequence + 1) & 0xffffffff
        self.theirs = None    # the server's next byte
        self.acked = 0        # of our data
        self.window = 0       # as the server wrote it last
        self.echo = 0         # its newest timestamp
        self.was_reset = False
        self.items = []
        self.ident = port & 0xff00

    # -- what the server says -------------------------------------------------------------------

    def take(self, segment):
        flags = segment[13]
        sequence, number = struct.unpack("!II", segment[4:12])
        if flags & RST:
            self.was_reset = True
            return
        if flags & SYN:
            self.theirs = (sequence + 1) & 0xffffffff
        distance = (number - self.first + (1 << 31)) % (1 << 32) - (1 << 31)
        self.acked = max(self.acked, distance)
        self.window = int.from_bytes(segment[14:16], "big")
        options = segment[20:(segment[12] >> 4) * 4]
        at = options.find(b"\x08\x0a")
        if at >= 0 and len(options) >= at + 6:
            self.echo = int.from_bytes(options[at + 2:at + 6], "big")

    def until_acked(self, count):
        return lambda: self.acked >= count or self.was_reset

    # -- what is sent ---------------------------------------------------------------------------

    def sequence(self, at):
        return (self.first + at) & 0xffffffff

    def segment(self, at, data=b"", flags=USUAL, acks=0, clock=0, options=b"", urgent=0,
                window=65535, sum_error=0, sequence=None):
        """A TCP segment. `acks` and `clock` are added to what would be right."""
        if self.case.timestamps:
            options += struct.pack("!HBBII", 0x0101, 8, 10, (self.case.clock + clock) & 0xffffffff,
                                   self.echo)
        options += b"\1" * (-len(options) % 4)
        number = ((self.theirs or 0) + acks) & 0xffffffff if flags & ACK else 0
        made = struct.pack("!HHIIBBHHH", self.local, self.case.port,
                           self.sequence(at) if sequence is None else sequence, number,
                           (5 + len(options) // 4) << 4, flags, window, 0, urgent) + options + data
        return f.with_sum(f.TCP, made, 16, self.server, self.client, sum_error)

    def datagram(self, data, sum_error=0):
        return f.udp(self.local, self.case.port, data, self.client, self.server, sum_error)

    @property
    def protocol(self):
        return f.UDP if self.case.udp else f.TCP

    def packet(self, l4, ttl=64, **knobs):
        if self.case.version == 6:
            return f.ip6(self.protocol, l4, self.client, self.server)
        self.ident = (self.ident + 1) & 0xffff or 1
        return f.ip4(self.protocol, l4, self.client, self.server, ident=self.ident, ttl=ttl,
                     **knobs)

    def frame(self, packet):
        return self.link(packet, True)

    def frames(self, packets):
        return [self.frame(packet) for packet in packets]

    def tcp(self, at, data=b"", flags=USUAL, ttl=64, **knobs):
        return [self.frame(self.packet(self.segment(at, data, flags, **knobs), ttl))]

    def whole(self, data=None):
        """All data in one segment or datagram, as a packet."""
        data = self.data if data is None else data
        return self.packet(self.datagram(data) if self.case.udp else self.segment(0, data))

    def junk(self, at, end):
        """Other bytes than those that stand there; no word of a rule."""
        return bytes(byte ^ 1 for byte in self.data[at:end])

    def forged(self, flags, sequence, number, data=b""):
        """A segment in the server's name, from the client's side of the gateway."""
        made = struct.pack("!HHIIBBHHH", self.case.port, self.local, sequence & 0xffffffff,
                           number & 0xffffffff, 5 << 4, flags, 65535, 0, 0) + data
        packet = f.ip4(f.TCP, f.with_sum(f.TCP, made, 16, self.client, self.server), self.server,
                       self.client)
        return [f.ether(f.IPV4, packet, TUNNEL_MAC, CLIENT_MAC)]

    def syn(self, data=b"", options=None, flags=SYN, **knobs):
        options = self.case.syn_options if options is None else options
        return self.tcp(-1, data, flags, options=options, **knobs)

    def read(self):
        """Now the receiver that did not read does."""
        self.receivers.read_slow(self.local)
        return True

    def opening(self):
        return [self.syn(), lambda: self.theirs is not None, lambda: [self.tcp(0, flags=ACK)]]


def pieces(cuts, end):
    """(begin, end) of the parts between cuts."""
    marks = [0, *cuts, end]
    return list(zip(marks, marks[1:]))


def sends(order):
    """A script: segments of the data, as (begin, end) in the order they are sent in."""
    def script(c):
        return [c.tcp(at, c.data[at:end]) for at, end in (order(c) if callable(order) else order)]
    return script


SLOW = {"port": SLOW_PORT}
FAST_OPEN = {"port": FAST_OPEN_PORT}
