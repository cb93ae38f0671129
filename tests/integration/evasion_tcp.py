"""Transforms of TCP: cuts, orders, copies that differ, numbers that wrap, windows that close."""
import itertools
import random

from evasion_case import (ACK, FAST_OPEN, MSS, PSH, RAW, RST, SLOW, SYN, SYN_WITH_CLOCK, URG, USUAL,
                          Case, pieces, sends)

END = len(RAW)


def cuts():
    for at in range(1, END):
        yield Case("cut in two", f"at {at}", sends(pieces([at], END)))
        yield Case("cut in two, reversed", f"at {at}", sends(pieces([at], END)[::-1]))


def orders():
    for size in (1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 29):
        parts = pieces(range(size, END, size), END)
        yield Case("small segments", f"of {size}", sends(parts))
        yield Case("small segments", f"of {size}, reversed", sends(parts[::-1]))
        yield Case("small segments", f"of {size}, odd ones first", sends(parts[1::2] + parts[::2]))
        yield Case("small segments", f"of {size}, last one first", sends(parts[-1:] + parts[:-1]))
    four = pieces((18, 30, 44), END)
    for order in list(itertools.permutations(range(4)))[1:]:
        yield Case("orders of four", "".join(map(str, order)), sends([four[i] for i in order]))
    for seed in range(16):
        chance = random.Random(seed)
        parts = pieces(sorted(chance.sample(range(1, END), chance.randint(4, 24))), END)
        chance.shuffle(parts)
        yield Case("random cuts and orders", f"seed {seed}", sends(parts))


OVERLAPS = {"equal": (24, 48), "from before": (16, 40), "to behind": (32, 56), "around": (16, 56),
            "inside": (28, 44), "the same start, shorter": (24, 40),
            "the same end, shorter": (32, 48),
            "the same start, longer": (24, 56), "the same end, longer": (16, 48)}


def overlaps():
    """Two copies of bytes 24 to 48, the second of another extent; in order, or behind a gap."""
    for (name, (begin, end)), gap, which in itertools.product(
            OVERLAPS.items(), (False, True), ("same", "second differs", "first differs")):
        def script(c, begin=begin, end=end, gap=gap, which=which):
            first = c.junk(24, 48) if which == "first differs" else c.data[24:48]
            second = c.junk(begin, end) if which == "second differs" else c.data[begin:end]
            head, copies = c.tcp(0, c.data[:24]), [c.tcp(24, first), c.tcp(begin, second)]
            rest = c.tcp(48, c.data[48:])
            return [*copies, rest, head] if gap else [head, *copies, rest]
        yield Case("overlaps" if which == "same" else "overlaps that differ",
                   f"{name}, {which}{', behind a gap' if gap else ''}", script,
                   judged=which != "same", loses="" if which == "same" else
                   "conflicting_retransmission")


def copies():
    half, quarter = END // 2, END // 4

    def again(c):
        return [c.tcp(0, c.data), c.tcp(0, c.data)]

    def each_again(c):
        return [c.tcp(at, c.data[at:end]) for at, end in pieces(range(9, END, 9), END)
                for _ in range(2)]

    def cut_differently(c):
        return [c.tcp(0, c.data[:half]), c.tcp(0, c.data[:quarter]),
                c.tcp(quarter, c.data[quarter:half + 9]), c.tcp(half, c.data[half:])]

    def below_what_is_acknowledged(c):
        return [c.tcp(0, c.data[:half]), c.until_acked(half), lambda: [
            c.tcp(0, c.junk(0, half)), c.tcp(half, c.data[half:])]]

    def other_bytes_behind_acknowledged_ones(c):
        return [c.tcp(0, c.data[:half]), c.until_acked(half), lambda: [
            c.tcp(quarter, c.junk(quarter, half) + c.data[half:])]]

    def keep_alive(c):
        return [c.tcp(0, c.data[:half]), c.until_acked(half), lambda: [
            c.tcp(half - 1, b"~"), c.tcp(half, c.data[half:])]]

    def keep_alive_without_bytes(c):
        return [c.tcp(0, c.data[:half]), c.tcp(half - 1), c.tcp(half, c.data[half:])]

    def of_several(c):
        return [c.tcp(0, c.data[:9]), c.tcp(9, c.data[9:18]), c.tcp(0, c.data[:40]),
                c.tcp(30, c.data[30:60]), c.tcp(20, c.data[20:])]

    for name, script in {"the whole twice": again, "every segment twice": each_again,
                         "cut differently the second time": cut_differently,
                         "other bytes below what is acknowledged": below_what_is_acknowledged,
                         "other bytes, and new ones behind them":
                             other_bytes_behind_acknowledged_ones,
                         "a keep-alive with a byte": keep_alive,
                         "a keep-alive without one": keep_alive_without_bytes,
                         "three segments again in one": of_several}.items():
        yield Case("sent again", name, script)


def numbers():
    for back in (1, 2, 10, 17, 24, 36, 45, 60, 69, 70):
        isn = (0xffffffff - back) & 0xffffffff
        parts = pieces((24, 36, 50), END)
        yield Case("sequence wrap", f"{back} bytes ahead", sends(parts), first_sequence=isn)
        yield Case("sequence wrap", f"{back} bytes ahead, reversed", sends(parts[::-1]),
                   first_sequence=isn)
    for clock in (0xfffffff0, 0x7ffffff0):
        def script(c):
            return [c.tcp(at, c.data[at:end], clock=at) for at, end in pieces((20, 40, 60), END)]
        yield Case("timestamp wrap", f"from {clock:#x}", script, timestamps=True, clock=clock,
                   syn_options=SYN_WITH_CLOCK)


def data_on_syn():
    half = END // 2

    def opens(first, rest):
        def script(c):
            return [c.syn(c.data[:first]), lambda: c.theirs is not None, lambda: [
                c.tcp(first if rest == "behind" else 0, flags=ACK),
                c.tcp(first, c.data[first:]) if rest == "behind" else c.tcp(0, c.data)]]
        return script

    def others(c):
        return [c.syn(c.junk(0, half)), lambda: c.theirs is not None, lambda: [
            c.tcp(0, flags=ACK), c.tcp(0, c.data)]]

    fast = {"syn_options": MSS + b"\x22\x02\x01\x01", "opens": False, "loses": "data_on_syn"}
    yield Case("data on a SYN", "all of it", opens(END, "behind"), **fast, **FAST_OPEN)
    yield Case("data on a SYN", "half of it", opens(half, "behind"), **fast, **FAST_OPEN)
    yield Case("data on a SYN", "half of it, and all again", opens(half, "again"), **fast,
               **FAST_OPEN)
    yield Case("data on a SYN", "that the receiver does not take", opens(half, "again"),
               opens=False, loses="data_on_syn")
    yield Case("data on a SYN", "other bytes that the receiver does not take", others, opens=False,
               loses="data_on_syn")


def urgent():
    """Linux takes the urgent byte out of the stream."""
    for at in (20, 24, 30, 40):
        def one(c, at=at):
            return [c.tcp(0, c.data[:at] + b"~" + c.data[at:], flags=USUAL | URG, urgent=at + 1)]

        def alone(c, at=at):
            return [c.tcp(0, c.data[:at]), c.tcp(at, b"~", flags=USUAL | URG, urgent=1),
                    c.tcp(at + 1, c.data[at:])]
        yield Case("urgent data", f"a byte more at {at}", one, "urgent_data")
        yield Case("urgent data", f"a byte more at {at}, alone", alone, "urgent_data")
    yield Case("urgent data", "a pointer without the flag",
               lambda c: [c.tcp(0, c.data, urgent=20)])
    yield Case("urgent data", "far behind the data",
               lambda c: [c.tcp(0, c.data, flags=USUAL | URG, urgent=5000)], "urgent_data")


def windows():
    """A receiver that does not read: its window closes, is probed and opens again."""
    def fill(c, *probes, turns=40):
        at = c.acked
        if c.window == 0 or turns == 0:
            return [*[probe(c, at) for probe in probes], c.read, lambda: [c.tcp(at, c.data)]]
        return [c.tcp(at, b"." * min(512, c.window)), lambda: True,
                lambda: fill(c, *probes, turns=turns - 1)]

    probes = {"closed and opened": (),
              "probed with a byte that was acknowledged": (lambda c, at: c.tcp(at - 1, b"~"),),
              "probed with the next byte": (lambda c, at: c.tcp(at, c.data[:1]),),
              "probed with other bytes beyond it": (lambda c, at: c.tcp(at + 1, c.junk(1, END)),),
              "probed without a byte": (lambda c, at: c.tcp(at - 1, flags=ACK),)}
    for name, parts in probes.items():
        yield Case("windows", name, lambda c, parts=parts: fill(c, *parts), **SLOW)
    yield Case("windows", "of the sender closed", lambda c: [
        c.tcp(at, c.data[at:end], window=0) for at, end in pieces((20, 40), END)])


def handshakes():
    kinds = {"no option": b"", "window scale": MSS + b"\x01\x03\x03\x0e",
             "timestamps and SACK": SYN_WITH_CLOCK,
             "an unknown option": MSS + b"\xfd\x06\x12\x34\0\0",
             "a malformed option": MSS + b"\x03\x00\x00\x00", "a tiny MSS": b"\x02\x04\x00\x08",
             "many NOPs": MSS + b"\1" * 36}
    for name, options in kinds.items():
        yield Case("handshakes", name, sends(pieces((31,), END)), syn_options=options,
                   timestamps=options == SYN_WITH_CLOCK,
                   loses="bad_l4_header" if "malformed" in name else "")
    yield Case("handshakes", "data on the last ACK", lambda c: [
        c.syn(), lambda: c.theirs is not None, lambda: [c.tcp(0, c.data)]], opens=False)
    yield Case("handshakes", "data on the last ACK, later part first", lambda c: [
        c.syn(), lambda: c.theirs is not None, lambda: [
            c.tcp(30, c.data[30:]), c.tcp(0, c.data[:30])]], opens=False)
    yield Case("handshakes", "the SYN twice", lambda c: [
        c.syn(), c.syn(), lambda: c.theirs is not None, lambda: [
            c.tcp(0, flags=ACK), c.tcp(0, c.data)]], opens=False)
    yield Case("handshakes", "with ECN", lambda c: [
        c.syn(flags=SYN | 0xc0), lambda: c.theirs is not None, lambda: [
            c.tcp(0, flags=ACK), c.tcp(0, c.data, flags=USUAL | 0x80)]], opens=False)
    yield Case("handshakes", "SYN with PSH and URG", lambda c: [
        c.syn(flags=SYN | PSH), lambda: c.theirs is not None, lambda: [
            c.tcp(0, flags=ACK), c.tcp(0, c.data)]], opens=False)

    def ports_used_before(c):
        def next_connection():
            c.first, c.theirs, c.acked, c.was_reset = 0x51000001, None, 0, False
            return [c.syn(), lambda: c.theirs is not None, lambda: [
                c.tcp(0, flags=ACK), c.tcp(0, c.data)]]
        return [c.tcp(0, b"good"), c.until_acked(4), lambda: [c.tcp(4, flags=RST)], next_connection]
    yield Case("handshakes", "ports that were in use before", ports_used_before)


def flags():
    yield Case("flags", "an acknowledgement far behind", lambda c: [
        c.tcp(at, c.data[at:end], acks=-0x40000000) for at, end in pieces((25, 37), END)],
        "tcp_out_of_state", judged=True)
    for step in (-1, -1000):
        def stamped(c, step=step):
            return [c.tcp(at, c.data[at:end], options=b"\1\1\x08\x0a" + (
                9 ** 9 + at * step).to_bytes(4, "big") + bytes(4))
                    for at, end in pieces((25, 37), END)]
        yield Case("options", f"timestamps that nobody agreed on, {step} each", stamped)
    yield Case("options", "a malformed one", lambda c: [
        c.tcp(at, c.data[at:end], options=b"\x03\0\0\0") for at, end in pieces((25, 37), END)],
        "bad_l4_header")
    for name, bits in {"no PSH": ACK, "ECE and CWR": USUAL | 0xc0, "CWR": USUAL | 0x80}.items():
        yield Case("flags", name, lambda c, bits=bits: [
            c.tcp(at, c.data[at:end], flags=bits) for at, end in pieces((25, 37), END)])
    for name, options in {"NOPs": b"\1" * 40, "an end of options": b"\0\1\2\3", "an unknown one":
                          b"\xfe\x04\xab\xcd", "SACK": b"\1\1\5\x0a" + bytes(8)}.items():
        yield Case("options", name, lambda c, options=options: [
            c.tcp(at, c.data[at:end], options=options) for at, end in pieces((25, 37), END)])


def cases():
    for family in (cuts, orders, overlaps, copies, numbers, data_on_syn, urgent, windows,
                   handshakes, flags):
        yield from family()
