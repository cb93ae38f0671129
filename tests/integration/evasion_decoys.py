"""Transforms of TCP by segments that Linux does not take: decoys, ends and openings that are none,
and what is sent in the server's name."""
import frames as f
from evasion_case import (ACK, FIN, MSS, PSH, RAW, RST, SYN, SYN_WITH_CLOCK, USUAL, Case,
                          pieces)
from evasion_wire import CLIENT_MAC, ROUTED, TUNNEL_MAC

END = len(RAW)
# What stands in a segment that Linux throws away: a name, knobs of tcp(), options of the case, and
# why the real bytes are then refused, where the decoy was taken for the first copy.
DECOYS = [
    ("a wrong TCP checksum", {"sum_error": 1}, {}, ""),
    ("no ACK flag", {"flags": PSH}, {}, ""),
    ("no flag at all", {"flags": 0}, {}, ""),
    ("an acknowledgement of what was not sent", {"acks": 1000}, {}, ""),
    ("an acknowledgement far ahead", {"acks": 0x40000000}, {}, ""),
    ("an acknowledgement far behind", {"acks": -0x40000000}, {"judged": True}, "tcp_out_of_state"),
    ("a timestamp from the past", {"clock": -1000}, {"timestamps": True}, ""),
    ("a timestamp of two ticks ago", {"clock": -2}, {"timestamps": True}, ""),
    ("a timestamp from half the circle ago", {"clock": -0x70000000}, {"timestamps": True}, ""),
    ("a hop limit that a router ends", {"ttl": 1}, {"ends": ROUTED}, "conflicting_retransmission"),
    ("a signature that nobody agreed on", {"options": b"\x13\x12" + bytes(16)}, {},
     "conflicting_retransmission"),
    ("SYN", {"flags": SYN | PSH}, {}, ""),
    ("SYN and ACK", {"flags": SYN | ACK | PSH}, {}, ""),
    ("SYN and FIN", {"flags": SYN | FIN | ACK}, {}, ""),
    ("RST", {"flags": RST | ACK, "far": 20}, {}, ""),
]


def decoys():
    for name, knobs, case, loses in DECOYS:
        far = knobs.get("far", 0)
        knobs = {key: value for key, value in knobs.items() if key != "far"}

        def before_all(c, knobs=knobs, far=far):
            return [c.tcp(far, c.junk(far, END), **knobs), c.tcp(0, c.data)]

        def before_the_middle(c, knobs=knobs, far=far):
            return [c.tcp(0, c.data[:30]), c.tcp(30 + far, c.junk(30 + far, END), **knobs),
                    c.tcp(30, c.data[30:])]

        def behind_a_gap(c, knobs=knobs, far=far):
            return [c.tcp(20 + far, c.junk(20 + far, 50), **knobs), c.tcp(50, c.data[50:]),
                    c.tcp(20, c.data[20:50]), c.tcp(0, c.data[:20])]

        def before_each(c, knobs=knobs):
            return [c.tcp(at, data, **more) for at, end in pieces(range(10, END, 10), END)
                    for data, more in ((c.junk(at, end), knobs), (c.data[at:end], {}))]

        for place in (before_all, before_the_middle, behind_a_gap, before_each):
            if name == "RST" and place is before_each:
                continue  # in the order of its sequence numbers it would be a reset
            yield Case("decoys", f"{name}, {place.__name__.replace('_', ' ')}", place, loses=loses,
                       syn_options=SYN_WITH_CLOCK if case.get("timestamps") else MSS, **case)
    yield from decoys_of_ip()


def decoys_of_ip():
    def other_host(c, packet):
        return f.ether(f.IPV4, packet, TUNNEL_MAC, CLIENT_MAC)

    def wrong_sum(c, junk):
        return c.frame(c.packet(junk, sum_error=1))

    def source_route(c, junk):
        return c.frame(c.packet(junk, options=b"\x83\x07\x04\x0a\x4d\x00\x63\x00"))

    def bad_option(c, junk):
        return c.frame(c.packet(junk, options=b"\x07\x02\x00\x00"))

    def short(c, junk):
        packet = bytearray(c.packet(junk))
        packet[2:4] = (len(packet) + 8).to_bytes(2, "big")
        packet[10:12] = b"\0\0"
        packet[10:12] = f.ones_sum(bytes(packet[:20])).to_bytes(2, "big")
        return c.frame(bytes(packet))

    def version_five(c, junk):
        packet = bytearray(c.packet(junk))
        packet[0] = 0x55
        packet[10:12] = b"\0\0"
        packet[10:12] = f.ones_sum(bytes(packet[:20])).to_bytes(2, "big")
        return f.ether(f.IPV4, bytes(packet), c.frame(bytes(20))[:6], CLIENT_MAC)

    kinds = {"another host's MAC": (lambda c, junk: other_host(c, c.packet(junk)),
                                    "conflicting_retransmission"),
             "a wrong IP checksum": (wrong_sum, ""),
             "a source route": (source_route, "conflicting_retransmission"),
             "a malformed IP option": (bad_option, "conflicting_retransmission"),
             "an IP length beyond the frame": (short, ""),
             "IP version 5": (version_five, "")}
    for name, (decoy, loses) in kinds.items():
        def before_all(c, decoy=decoy):
            return [[decoy(c, c.segment(0, c.junk(0, END)))], c.tcp(0, c.data)]

        def before_the_middle(c, decoy=decoy):
            return [c.tcp(0, c.data[:30]), [decoy(c, c.segment(30, c.junk(30, END)))],
                    c.tcp(30, c.data[30:])]

        for place in (before_all, before_the_middle):
            yield Case("decoys", f"{name}, {place.__name__.replace('_', ' ')}", place, loses=loses)


def out_of_window():
    for far in (70_000, 1 << 20, 1 << 28, 0x7fff0000, 0x90000000):
        def script(c, far=far):
            return [c.tcp(0, c.data[:30]), c.tcp(0, c.junk(30, END), sequence=c.sequence(30 + far)),
                    c.tcp(30, c.data[30:])]
        yield Case("out of the window", f"{far} bytes away", script)


def ends_that_are_none():
    """Resets, closes and openings that Linux does not take, in the middle of the data."""
    def around(*middle):
        return lambda c: [c.tcp(0, c.data[:30]), *[part(c) for part in middle],
                          c.tcp(30, c.data[30:])]

    resets = {"behind the window": 100_000_000, "ahead in the window": 40, "below it": -5}
    for name, far in resets.items():
        yield Case("resets", name, around(lambda c, far=far: c.tcp(30 + far, flags=RST)))
        yield Case("resets", f"{name}, with ACK",
                   around(lambda c, far=far: c.tcp(30 + far, flags=RST | ACK)))
        yield Case("resets", f"{name}, with bytes",
                   around(lambda c, far=far: c.tcp(30 + far, b"gone", flags=RST | ACK)))
    exact = {"a wrong checksum": ({"sum_error": 1}, {}, ""),
             "a hop limit that a router ends": ({"ttl": 1}, {"ends": ROUTED}, ""),
             "a signature that nobody agreed on": ({"options": b"\x13\x12" + bytes(16)}, {}, "")}
    for name, (knobs, case, loses) in exact.items():
        yield Case("resets", f"in order, {name}", around(
            lambda c, knobs=knobs: c.tcp(30, flags=RST, **knobs)), loses, **case)
        yield Case("closes", f"in order, {name}", around(
            lambda c, knobs=knobs: c.tcp(30, flags=FIN | ACK, **knobs)),
            "tcp_out_of_state" if name != "a wrong checksum" else loses, **case)
        yield Case("closes", f"behind a gap, {name}", around(
            lambda c, knobs=knobs: c.tcp(50, flags=FIN | ACK, **knobs)),
            "conflicting_retransmission" if name != "a wrong checksum" else loses, **case)
        yield Case("openings", f"a SYN with {name}", around(
            lambda c, knobs=knobs: c.tcp(0, flags=SYN, sequence=77, **knobs)), loses, **case)
    yield Case("resets", "in order, and the data goes on", around(lambda c: c.tcp(30, flags=RST)),
               judged=True)
    yield Case("closes", "in order, and the data goes on",
               around(lambda c: c.tcp(30, flags=FIN | ACK)), judged=True)
    yield Case("closes", "far ahead", around(lambda c: c.tcp(100_000_000, flags=FIN | ACK)))
    yield Case("closes", "without ACK", around(lambda c: c.tcp(30, flags=FIN)))
    yield Case("closes", "with the last bytes",
               lambda c: [c.tcp(0, c.data[:30]), c.tcp(30, c.data[30:], flags=USUAL | FIN)])
    yield Case("closes", "with the last bytes, which come first",
               lambda c: [c.tcp(30, c.data[30:], flags=USUAL | FIN), c.tcp(0, c.data[:30])])
    for name, knobs in {"with the same number": {}, "with another number": {"sequence": 5},
                        "in the window": {"sequence": None, "at": 35}}.items():
        at = knobs.pop("at", -1)
        yield Case("openings", f"a SYN {name}", around(
            lambda c, at=at, knobs=knobs: c.tcp(at, flags=SYN, **knobs)))
        yield Case("openings", f"a SYN-ACK {name}", around(
            lambda c, at=at, knobs=knobs: c.tcp(at, flags=SYN | ACK, **knobs)))


def forged():
    """What the client sends in the server's name: Linux never sees it."""
    def acknowledged(c):
        """Bytes that a router ends are acknowledged for the server; others take their place."""
        return [c.tcp(0, c.data[:20]), c.tcp(20, c.junk(20, END), ttl=1),
                c.forged(ACK, c.theirs, c.first + END), c.tcp(20, c.data[20:])]

    def acknowledged_behind_a_gap(c):
        return [c.tcp(0, c.data[:20]), c.tcp(40, c.junk(40, END), ttl=1),
                c.forged(ACK, c.theirs, c.first + END), c.tcp(20, c.data[20:])]

    def acknowledged_before_it_is_sent(c):
        return [c.tcp(0, c.data[:20]), c.forged(ACK, c.theirs, c.first + END),
                c.tcp(20, c.data[20:])]

    def acknowledged_bit_by_bit(c):
        return [part for at, end in pieces(range(10, END, 10), END) for part in (
            c.tcp(at, c.junk(at, end), ttl=1), c.forged(ACK, c.theirs, c.first + end),
            c.tcp(at, c.data[at:end]))]

    def reset(c):
        return [c.tcp(0, c.data[:30]), c.forged(RST | ACK, c.theirs, c.first + 30),
                c.tcp(30, c.data[30:])]

    def closed(c):
        return [c.tcp(0, c.data[:30]), c.forged(FIN | ACK, c.theirs, c.first + 30),
                c.tcp(30, c.data[30:])]

    def opened_anew(c):
        return [c.tcp(0, c.data[:30]), c.forged(SYN | ACK, 99, c.first + 30),
                c.tcp(30, c.data[30:])]

    for script in (acknowledged, acknowledged_behind_a_gap, acknowledged_before_it_is_sent,
                   acknowledged_bit_by_bit, reset, closed, opened_anew):
        loses = "conflicting_retransmission" if script in (
            acknowledged, acknowledged_behind_a_gap, acknowledged_bit_by_bit) else ""
        yield Case("in the server's name", script.__name__.replace("_", " "), script, loses,
                   ends=ROUTED)

    def then_opens(*before):
        return lambda c: [*[part(c) for part in before], c.syn(), lambda: c.theirs is not None,
                          lambda: [c.tcp(0, flags=ACK), c.tcp(0, c.data)]]

    for name, before in {
            "an ACK before the handshake": [lambda c: c.forged(ACK, 5, 6)],
            "a SYN before the handshake": [lambda c: c.forged(SYN, 5, 0)],
            "a connection the other way round": [
                lambda c: c.forged(SYN, 5, 0),
                lambda c: c.tcp(-1000, flags=SYN | ACK, acks=6, ttl=1),
                lambda c: c.forged(ACK, 6, c.first - 999)],
            "data the other way round": [lambda c: c.forged(USUAL, 5, c.first, b"hello")],
            "a SYN-ACK before the server's": [
                lambda c: c.syn(ttl=1), lambda c: c.forged(SYN | ACK, 5, c.first)]}.items():
        yield Case("in the server's name", name, then_opens(*before), opens=False, ends=ROUTED,
                   loses="tcp_out_of_state" if "SYN-ACK" in name else "")


def handshakes_that_are_hidden():
    """The gateway is to take the connection for one that it meets midway, whose first segment is
    not the first."""
    def after(*middle):
        return lambda c: [c.syn(), *[part(c) for part in middle], lambda: c.theirs is not None,
                          lambda: [c.tcp(30, c.data[30:]), c.tcp(0, c.data[:30])]]

    hidden = {
        "nothing": [],
        "another SYN": [lambda c: c.tcp(-1, flags=SYN, sequence=77, ttl=1)],
        "another SYN far ahead": [lambda c: c.tcp(1 << 30, flags=SYN, ttl=1)],
        "a reset": [lambda c: c.tcp(0, flags=RST, ttl=1)],
        "a reset at the SYN": [lambda c: c.tcp(-1, flags=RST, ttl=1)],
        "a reset in the server's name": [lambda c: c.forged(RST | ACK, 0, c.first)],
        "a SYN in the server's name": [lambda c: c.forged(SYN, 5, 0)],
        "bytes far ahead": [lambda c: c.tcp(5000, b"hello", ttl=1)],
        "later bytes": [lambda c: c.tcp(30, c.data[30:], ttl=1)],
        "five other SYNs, and the first again": [
            *[lambda c, n=n: c.tcp(-1, flags=SYN, sequence=n, ttl=1) for n in range(5)],
            lambda c: c.syn()],
    }
    for name, middle in hidden.items():
        yield Case("hidden handshakes", f"{name} behind the SYN", after(*middle), opens=False,
                   ends=ROUTED)


def met_midway():
    """The gateway came later than the connection, and the first that it sees is chosen well."""
    def goes_on(c):
        """What was refused comes again, until Linux has it all."""
        again = c.tcp(0, c.data)
        return [part for _ in range(10) for part in (again, c.until_acked(END))]

    def begins(*parts):
        return lambda c: [part for make in parts for part in [make(c)]]

    def rest(at):
        return lambda c: c.tcp(at, c.data[at:])

    def head(end):
        return lambda c: c.tcp(0, c.data[:end])

    def decoy(place, **knobs):
        return lambda c: c.tcp(place, c.junk(0, END), ttl=1, **knobs)

    ways = {
        "in order": [head(30), rest(30)],
        "its later half first": [rest(30), head(30)],
        "its later half first, and again": [rest(30), rest(30), head(30)],
        "its last byte first, then the others": [rest(END - 1), head(END - 1)],
        "in three pieces from the end": [rest(50), lambda c: c.tcp(20, c.data[20:50]), head(20)],
        "byte by byte from the end": [lambda c, at=at: c.tcp(at, c.data[at:at + 1])
                                      for at in reversed(range(END))],
        "a keep-alive first": [lambda c: c.tcp(-1, b"x"), rest(30), head(30)],
        "an acknowledgement in the server's name": [
            rest(30), lambda c: c.forged(ACK, c.theirs, c.first + END), head(30)],
        "a decoy where it begins, acknowledged in the server's name": [
            decoy(0), lambda c: c.forged(ACK, c.theirs, c.first + END), head(30), rest(30)],
        **{f"behind a decoy {far} bytes away": [decoy(far), rest(30), head(30)]
           for far in (1, 100, -100, 1000, 1 << 29, 1 << 30, (1 << 30) + 500, 1 << 31,
                       -(1 << 30) - 500)},
        **{f"behind nine decoys {far} bytes away": [*[decoy(far)] * 9, rest(30), head(30)]
           for far in (1000, -1000, 1 << 31)},
    }
    for name, parts in ways.items():
        clashes = "decoy" in name and any(near in name for near in ("decoy 1 ", "begins"))
        yield Case("met midway", name, begins(*parts), is_midway=True, ends=ROUTED, judged=True,
                   loses="conflicting_retransmission" if clashes else "reorder_limit")
        yield Case("met midway", f"{name}, and all of it again",
                   lambda c, parts=parts: begins(*parts)(c) + goes_on(c), is_midway=True,
                   ends=ROUTED, loses="conflicting_retransmission" if clashes else "")


def cases():
    for family in (decoys, out_of_window, ends_that_are_none, forged,
                   handshakes_that_are_hidden, met_midway):
        yield from family()
