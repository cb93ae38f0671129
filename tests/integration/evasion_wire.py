"""The two ends of the evasion suite: a client that writes its frames itself, and Linux as receiver.

The client owns no address that its kernel knows, so nobody answers for it. Behind the gateway there
are sockets of three kinds of host: the server itself, one behind a router, and one behind a tunnel
whose end is here and whose packets Linux gets through a TUN device. Nothing is waited for by the
clock: a datagram that follows the others (`Wire.settle`) shows that they have arrived.
"""
import contextlib
import fcntl
import os
import selectors
import socket
import struct
import time

import frames as f
from operate_load import SO_RCVBUFFORCE, in_namespace
from trial import sh

PORT, SLOW_PORT, FAST_OPEN_PORT, MARK_PORT = 7000, 7001, 7002, 7999
CLIENT_MAC, SERVER_MAC, TUNNEL_MAC = (bytes.fromhex(f"0200000000{n}") for n in ("0a", "0b", "0c"))
# What a case names its receiver by: (client, server) in IPv4 and IPv6.
NEAR = {4: ("10.77.0.9", "10.77.0.2"), 6: ("fd77::9", "fd77::2")}
OWN = {4: ("10.99.{}.{}", "10.77.0.2"), 6: ("fd99::{0:x}{1:02x}", "fd77::2")}  # one for each
ROUTED = {4: ("10.77.0.9", "10.78.0.2")}
TUNNELLED = {4: ("10.79.0.9", "10.79.0.2"), 6: ("fd79::9", "fd79::2")}
# How the addresses of an answer begin, the innermost ones first.
ANSWERS = [(version, f.packed(server) + f.packed(client.format(0, 0))[:2])
           for near in (TUNNELLED, OWN, ROUTED, NEAR) for version, (client, server) in near.items()]
SLOW_BYTES = 2304  # receive buffer of a receiver that does not read
BATCH, PATIENCE, ALL_FRAMES = 200, 60, 3
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000


def listen(port, **options):
    made = socket.create_server(("::", port), family=socket.AF_INET6, backlog=4096,
                                dualstack_ipv6=True)
    for option, value in options.items():
        level = socket.SOL_SOCKET if option.startswith("SO_") else socket.IPPROTO_TCP
        made.setsockopt(level, getattr(socket, option), value)
    made.setblocking(False)
    return made


def datagrams(port):
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    made.bind(("::", port))
    made.setblocking(False)
    return made


def frame_socket(interface):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    made.bind((interface, 0))
    made.setblocking(False)
    return made


def tun_device(name):
    made = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(made, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return made


class Receivers:
    """Linux behind the gateway. What its sockets got is in `streams` and `heard`, by client's
    port."""

    def __init__(self, lab):
        self.lab, self.far = lab, f"{lab.prefix}-r"
        self.streams, self.heard, self.unread, self.marks = {}, {}, {}, 0
        self.selector, self.open, self.links = selectors.DefaultSelector(), [], {}

    def up(self):
        lab = self.lab
        sh("ip", "netns", "add", self.far)
        self._near()
        self._routed()
        self.tun = in_namespace(lab.server, lambda: tun_device("tun0"))
        self._tunnelled()
        for place in (lab.server, self.far):
            listeners = {port: in_namespace(place, lambda p=port, o=options: listen(p, **o))
                         for port, options in {PORT: {}, SLOW_PORT: {"SO_RCVBUF": SLOW_BYTES},
                                               FAST_OPEN_PORT: {"TCP_FASTOPEN": 4096}}.items()}
            for port, made in listeners.items():
                self.watch(made, self._accept, port == SLOW_PORT)
            self.watch(in_namespace(place, lambda: datagrams(PORT)), self._hear)
        self.mark = in_namespace(lab.server, lambda: datagrams(MARK_PORT))
        self.tunnel_end = in_namespace(lab.server, lambda: frame_socket("eth0"))
        self.watch(self.mark, self._count_mark)
        self.watch(self.tunnel_end, self._leave_tunnel)
        self.selector.register(self.tun, selectors.EVENT_READ, (self._enter_tunnel, None))

    def down(self):
        for made in [*self.open, *self.streams_open()]:
            made.close()
        if hasattr(self, "tun"):
            os.close(self.tun)
        sh("ip", "netns", "del", self.far, check=False)

    def streams_open(self):
        return [key.fileobj for key in list(self.selector.get_map().values())
                if isinstance(key.fileobj, socket.socket)]

    # -- the hosts ------------------------------------------------------------------------------

    def _near(self):
        """Every ACK at once, data on a SYN without a cookie where asked for, no SYN cookies."""
        server = self.lab.server
        for setting in ("net.ipv4.tcp_fastopen=0x202", "net.ipv4.tcp_syncookies=0",
                        "net.ipv4.tcp_max_syn_backlog=8192", "net.core.somaxconn=8192",
                        "net.ipv4.ip_forward=1"):
            self.lab.sysctl(server, setting)
        for version, (client, _) in NEAR.items():
            own = "10.99.0.0/16" if version == 4 else "fd99::/64"
            sh("ip", "-n", server, "neigh", "replace", client, "lladdr", "02:00:00:00:00:0a", "dev",
               "eth0", "nud", "permanent")
            sh("ip", "-n", server, "route", "replace", client, "dev", "eth0", "quickack", "1")
            sh("ip", "-n", server, "route", "add", own, "via", client, "dev", "eth0", "quickack",
               "1")

    def _routed(self):
        server, far = self.lab.server, self.far
        sh("ip", "-n", server, "link", "add", "far0", "type", "veth", "peer", "name", "eth0",
           "netns", far)
        sh("ip", "-n", server, "addr", "add", "10.78.0.1/24", "dev", "far0")
        sh("ip", "-n", far, "addr", "add", f"{ROUTED[4][1]}/24", "dev", "eth0")
        for host, interface in ((server, "far0"), (far, "eth0")):
            sh("ip", "-n", host, "link", "set", interface, "up")
        # What leaves the router for the lab goes through the gateway and needs whole checksums.
        self.lab.exec(far, "ethtool", "-K", "eth0", "tx", "off")
        self.lab.exec(server, "ethtool", "-K", "far0", "tx", "off")
        sh("ip", "-n", far, "route", "add", "default", "via", "10.78.0.1", "quickack", "1")

    def _tunnelled(self):
        server = self.lab.server
        self.lab.sysctl(server, "net.ipv6.conf.tun0.accept_dad=0")
        sh("ip", "-n", server, "addr", "add", f"{TUNNELLED[4][1]}/24", "dev", "tun0")
        sh("ip", "-n", server, "addr", "add", f"{TUNNELLED[6][1]}/64", "dev", "tun0", "nodad")
        sh("ip", "-n", server, "link", "set", "tun0", "up")

    def watch(self, made, what, argument=None):
        self.open.append(made)
        self.selector.register(made, selectors.EVENT_READ, (what, argument))

    def forget(self, made):
        if made.fileno() in self.selector.get_map():
            self.selector.unregister(made)
        made.close()

    # -- what arrives ---------------------------------------------------------------------------

    def poll(self, seconds=0):
        for key, _ in self.selector.select(seconds):
            what, argument = key.data
            with contextlib.suppress(BlockingIOError):  # of a datagram whose checksum is wrong
                what(key.fileobj, argument)

    def _accept(self, listener, is_slow):
        connection, peer = listener.accept()
        connection.setblocking(False)
        port = peer[1]
        self.streams.setdefault(port, b"")
        if is_slow:
            self.unread[port] = connection
            self.open.append(connection)
        else:
            self.selector.register(connection, selectors.EVENT_READ, (self._read, port))

    def _read(self, connection, port):
        try:
            data = connection.recv(1 << 20)
        except OSError:  # a reset; what came before it was read
            data = b""
        self.streams[port] += data
        if not data:
            self.selector.unregister(connection)
            connection.close()

    def read_slow(self, port):
        """The application of a slow receiver begins to read."""
        if port in self.unread:
            self.selector.register(self.unread.pop(port), selectors.EVENT_READ, (self._read, port))

    def _hear(self, made, _):
        data, peer = made.recvfrom(1 << 16)
        self.heard[peer[1]] = self.heard.get(peer[1], b"") + data

    def _count_mark(self, made, _):
        data, peer = made.recvfrom(64)
        self.marks = int(data)
        made.sendto(data, peer)

    def _leave_tunnel(self, made, _):
        for packet in packets_between(made, *TUNNELLED[4], *TUNNELLED[6], only_to=TUNNEL_MAC):
            os.write(self.tun, packet)

    def _enter_tunnel(self, tun, _):
        packet = os.read(tun, 1 << 16)
        header = 40 if packet[0] >> 4 == 6 else 20
        link = self.links.get(int.from_bytes(packet[header + 2:header + 4], "big"))
        if link is not None:  # what Linux says of itself, such as router solicitations, has none
            self.tunnel_end.send(link(packet, False))


def packets_between(made, source4, destination4, source6, destination6, only_to=None):
    """IP packets from source to destination in the frames that a socket got, whatever is around."""
    ends = {4: f.packed(source4) + f.packed(destination4),
            6: f.packed(source6) + f.packed(destination6)}
    while True:
        try:
            frame = made.recv(1 << 16)
        except BlockingIOError:
            return
        if only_to is not None and frame[:6] != only_to:
            continue
        at4, at6 = frame.find(ends[4]) - 12, frame.find(ends[6]) - 8
        if at4 >= 14:
            yield frame[at4:at4 + int.from_bytes(frame[at4 + 2:at4 + 4], "big")]
        elif at6 >= 14:
            yield frame[at6:at6 + 40 + int.from_bytes(frame[at6 + 4:at6 + 6], "big")]


class Wire:
    """The client's side: sends frames no faster than they arrive, tells connections of answers."""

    def __init__(self, lab, receivers):
        self.receivers, self.connections, self.sent, self.frames = receivers, {}, 0, 0
        self.socket = in_namespace(lab.client, lambda: frame_socket("eth0"))
        self.marked = self.answered = 0

    def close(self):
        self.socket.close()

    def send(self, frames):
        for frame in frames:
            self.socket.send(frame)
            self.frames += 1
            self.sent += 1
            if self.sent >= BATCH:
                self.settle()

    def settle(self):
        """Returns when all that was sent has arrived or was refused, and its answers are here."""
        self.marked += 1
        self.sent = 0
        text = b"%d" % self.marked
        self.socket.send(f.ether(f.IPV4, f.ip4(
            f.UDP, f.udp(MARK_PORT, MARK_PORT, text, *NEAR[4]), *NEAR[4]), SERVER_MAC, CLIENT_MAC))
        deadline = time.monotonic() + PATIENCE
        while self.answered < self.marked:
            self.receivers.poll(0.001)
            self._listen()
            if time.monotonic() > deadline:
                raise AssertionError(f"mark {self.marked} did not come back")
        self.receivers.poll()

    def _listen(self):
        while True:
            try:
                frame = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            if frame[:6] == CLIENT_MAC:
                self._take(frame)

    def _take(self, frame):
        for version, ends in ANSWERS:
            at = frame.find(ends)
            if at < 0:
                continue
            l4 = at + (8 if version == 4 else 32)
            protocol = frame[at - 3] if version == 4 else frame[at - 2]
            port = int.from_bytes(frame[l4 + 2:l4 + 4], "big")
            if protocol == f.UDP and port == MARK_PORT:
                end = l4 + int.from_bytes(frame[l4 + 4:l4 + 6], "big")
                self.answered = int(frame[l4 + 8:end])
            elif protocol == f.TCP and port in self.connections:
                self.connections[port].take(frame[l4:])
            return
