#!/usr/bin/python3
"""frames_test.py BUILD_DIR: crafted frames, compared byte by byte behind the gateway.

Over af_packet and af_xdp; then frames of 9,000 bytes, which only af_packet carries.
"""
import hashlib
import os
import sys

import frames as f
from trial import SMALL, TRAFFIC, LabError, lab_network, main, python, wait_until

FLOOD, FLOOD_BURST = 300, 20
POLICY = SMALL + f"""
lists:
  deny:
    source: [203.0.113.0/24, '2001:db8:bad::/48']
limits:
  flow:
    packets: 1/s
    packets_burst: {FLOOD_BURST}
fragments:
  timeout: 200ms
"""


def in_udp(port, payload):
    """An IPv4 frame with a datagram from a port of its own."""
    return f.ether(f.IPV4, f.ip4(f.UDP, f.udp(40000 + port % 20000, port, payload)))


def tunnels():
    ends = ("10.1.0.1", "10.2.0.1")
    inner4 = f.ip4(f.UDP, f.udp(1111, 2222, b"inner", *ends), *ends)
    inner6 = f.ip6(f.UDP, f.udp6(1112, 2223, b"inner"))
    frame, option = f.ether(f.IPV4, inner4), bytes.fromhex("0102800100000001")
    return {
        "GRE": [f.ether(f.IPV4, f.ip4(f.GRE, f.gre(f.IPV4, inner4)))],
        "GRE with a key": [f.ether(f.IPV4, f.ip4(f.GRE, f.gre(f.IPV6, inner6, key=7)))],
        "Ethernet in GRE": [f.ether(f.IPV4, f.ip4(f.GRE, f.gre(0x6558, frame)))],
        "IP in IP": [f.ether(f.IPV4, f.ip4(f.IPIP, inner4))],
        "6in4": [f.ether(f.IPV4, f.ip4(f.IP6, inner6))],
        "4in6": [f.ether(f.IPV6, f.ip6(f.IPIP, inner4))],
        "VXLAN": [in_udp(4789, f.vxlan(42, frame))],
        "Geneve": [in_udp(6081, f.geneve(42, frame))],
        "Geneve with an option": [in_udp(6081, f.geneve(43, frame, option))],
        "GTP-U": [in_udp(2152, f.gtp_u(77, inner4))],
        "GTP-U with a sequence": [in_udp(2152, f.gtp_u(78, inner6, sequence=5))],
        "three tunnels": [f.ether(f.IPV4, f.ip4(f.IPIP, f.ip4(f.GRE, f.gre(f.IPV4, f.ip4(
            f.IPIP, inner4)))))],
    }


def links():
    datagram = f.ip4(f.UDP, f.udp(1000, 2000, b"tagged"))
    plain6 = f.ip6(f.UDP, f.udp6(1001, 2001, b"tagged"))
    tags3 = f.vlan(1, f.VLAN, f.vlan(2, f.VLAN, f.vlan(3, f.IPV4, datagram)))
    arp = (bytes.fromhex("0001080006040001") + f.CLIENT_MAC + f.packed(f.CLIENT4) + bytes(6)
           + f.packed(f.SERVER4))
    lldp_group, bridge_group = bytes.fromhex("0180c200000e"), bytes.fromhex("0180c2000000")
    spanning_tree = bytes.fromhex("424203") + bytes(35)
    return {
        "VLAN": [f.ether(f.VLAN, f.vlan(100, f.IPV4, datagram))],
        "VLAN with a priority": [f.ether(f.VLAN, f.vlan(0xe000 | 101, f.IPV6, plain6))],
        "QinQ": [f.ether(f.SERVICE_VLAN, f.vlan(200, f.VLAN, f.vlan(100, f.IPV4, datagram)))],
        "three tags": [f.ether(f.VLAN, tags3)],
        "MPLS": [f.ether(f.MPLS, f.label(16, True) + datagram)],
        "MPLS with two labels": [f.ether(f.MPLS, f.label(16, False) + f.label(17, True) + plain6)],
        "ARP": [f.ether(f.ARP, arp, b"\xff" * 6)],
        "LLDP": [f.ether(f.LLDP, bytes.fromhex("0207040200000000ca0000"), lldp_group)],
        "spanning tree": [f.ether(len(spanning_tree), spanning_tree, bridge_group)],
        "an unknown EtherType": [f.ether(0x88b5, bytes(range(64)))],
    }


def packets():
    datagram = f.udp6(3000, 3001, b"chain")
    header = f.HOP_BY_HOP
    chain = f.extension(f.DESTINATION) + f.extension(f.ROUTING) + f.segment_routing(
        f.DESTINATION) + f.extension(f.UDP) + datagram
    atomic = bytes([f.UDP]) + bytes(7) + datagram
    return {
        "SCTP": [f.ether(f.IPV4, f.ip4(f.SCTP, f.sctp(5000, 5001, f.sctp_init())))],
        "SCTP over IPv6": [f.ether(f.IPV6, f.ip6(f.SCTP, f.sctp(5002, 5003, f.sctp_init())))],
        "IPv4 options": [f.ether(f.IPV4, f.ip4(f.UDP, f.udp(1, 2, b"o"), options=b"\1\1\1\1"))],
        "IPv6 extension chain": [f.ether(f.IPV6, f.ip6(header, chain))],
        "IPv6 atomic fragment": [f.ether(f.IPV6, f.ip6(f.FRAGMENT, atomic))],
        "an unknown protocol": [f.ether(f.IPV4, f.ip4(253, b"experiment"))],
        "trailing padding": [f.ether(f.IPV4, f.ip4(f.UDP, f.udp(1, 3, b""))) + bytes(18)],
    }


def fragments():
    content = bytes(i % 251 for i in range(3000))
    one, two, three = (f.fragments4(f.udp(6000 + i, 7000, content), 100 + i, 1000)
                       for i in range(3))
    six = f.fragments6(f.udp6(6010, 7001, content), 110, 1000)
    as_4 = lambda packets: [f.ether(f.IPV4, packet) for packet in packets]  # noqa: E731
    return {
        "fragments in order": as_4(one),
        "fragments in reverse": as_4(two[::-1]),
        "a fragment twice": as_4([three[0], three[1], three[1], three[2], three[3]]),
        "IPv6 fragments out of order": [f.ether(f.IPV6, six[i]) for i in (2, 0, 3, 1)],
    }


def refused():
    """name -> (reason, frames); each frame counts one."""
    inner = f.ip4(f.UDP, f.udp(1, 2, b"deep"))
    deep = f.ip4(f.IPIP, f.ip4(f.IPIP, f.ip4(f.IPIP, f.ip4(f.IPIP, inner))))
    tags4 = f.vlan(1, f.VLAN, f.vlan(2, f.VLAN, f.vlan(3, f.VLAN, f.vlan(4, f.IPV4, inner))))
    overlap = f.fragments4(f.udp(6020, 7002, bytes(2000)), 120, 1000)
    shifted = f.ip4(f.UDP, bytes(1000), ident=120, fragment=0x2000 | 100)
    half = f.fragments4(f.udp(6030, 7003, bytes(900)), 130, 400)
    denied6 = "2001:db8:bad::7"
    as_4 = lambda packet: f.ether(f.IPV4, packet)  # noqa: E731
    return {
        "denied IPv4": ("denied_prefix", [as_4(f.ip4(
            f.UDP, f.udp(i, 9, b"x", "203.0.113.9"), "203.0.113.9")) for i in range(1, 6)]),
        "denied IPv6": ("denied_prefix", [f.ether(f.IPV6, f.ip6(
            f.UDP, f.udp(1, 9, b"x", denied6, f.SERVER6), denied6))]),
        "wrong IP checksum": ("bad_ip_checksum", [as_4(f.ip4(
            f.UDP, f.udp(1, 4, b"s"), sum_error=1))]),
        "wrong UDP checksum": ("bad_l4_checksum", [as_4(f.ip4(
            f.UDP, f.udp(1, 5, b"s", sum_error=1)))]),
        "wrong SCTP checksum": ("bad_l4_checksum", [as_4(f.ip4(
            f.SCTP, f.sctp(1, 2, f.sctp_init(), sum_error=1)))]),
        "SYN with FIN": ("bad_tcp_flags", [as_4(f.ip4(f.TCP, f.tcp(1, 2, 0x03)))]),
        "no TCP flags": ("bad_tcp_flags", [as_4(f.ip4(f.TCP, f.tcp(1, 3, 0x00)))]),
        "short IP length": ("bad_ip_length", [f.ether(f.IPV4, f.ip4(f.UDP, bytes(100))[:60])]),
        "half an IPv4 header": ("truncated_header", [f.ether(f.IPV4, inner[:11])]),
        "IP version 7": ("bad_ip_header", [f.ether(f.IPV4, b"\x75" + inner[1:])]),
        "half a UDP header": ("truncated_header", [as_4(f.ip4(f.UDP, b"\0\1\0\2"))]),
        "UDP length of 4": ("bad_l4_header", [as_4(f.ip4(f.UDP, b"\0\1\0\2\0\4\0\0"))]),
        "GRE of version 3": ("bad_tunnel_header", [as_4(f.ip4(f.GRE, b"\0\3\x08\0" + inner))]),
        "four tunnels": ("tunnel_too_deep", [as_4(deep)]),
        "four tags": ("too_many_headers", [f.ether(f.VLAN, tags4)]),
        "overlapping fragments": ("fragment_overlap", [
            as_4(overlap[0]), as_4(shifted), as_4(overlap[2])]),
        "half a datagram": ("fragment_timeout", [as_4(half[0])]),
    }


def send_and_collect(lab, sent, awaited=()):
    """Sends at the client; returns the crafted frames that the server's interface saw.

    With one worker a frame that ends the collection comes last; with several it is sent when the
    awaited frames are there, or after a time in which they should have come."""
    ready, collected = lab.directory / "collecting", lab.directory / "collected"
    ready.unlink(missing_ok=True)
    with open(collected, "wb") as output:
        collector = lab.spawn(lab.server, "/usr/bin/python3", TRAFFIC, "frames-collect", "eth0",
                              ready, stdout=output)
    wait_until(ready.exists, 20, "the collector")

    def send(frames):
        python(lab, lab.client, "frames-send", "eth0", input="\n".join(x.hex() for x in frames))

    def arrived():
        lines = collected.read_text(encoding="ascii").split("\n")[:-1]
        return [frame for frame in map(bytes.fromhex, lines) if frame[6:12] == f.CLIENT_MAC]

    send(sent)
    try:
        wait_until(lambda: set(awaited) <= set(arrived()), 20, "the awaited frames")
    except LabError:
        pass  # the comparison says which are missing
    send([f.ether(f.END_OF_FRAMES, bytes(46))])
    collector.wait(60)
    return arrived()


def flood():
    return [f.ether(f.IPV4, f.ip4(f.UDP, f.udp(8000, 8001, i.to_bytes(4, "big"))))
            for i in range(FLOOD)]


def over(trial, lab, kind, workers=1):
    passing, bad = {**links(), **tunnels(), **packets(), **fragments()}, refused()
    good = [frame for case in passing.values() for frame in case]
    name = kind if workers == 1 else f"{kind}, {workers} workers"
    trial.start(lab, lab.configuration(kind, f"{POLICY}workers: {{count: {workers}}}",
                                       checksums="verify"))
    sent = good + [frame for _, case in bad.values() for frame in case]
    # A flood's end is known only where a frame behind it comes later.
    excess = flood() if workers == 1 else []
    arrived = send_and_collect(lab, sent + excess, good)
    compare(trial, name, passing, bad, arrived)
    over_limit = FLOOD - flood_passed(trial, name, arrived) if excess else 0
    wait_until(lambda: lab.refused_by_reason().get("fragment_timeout"), 20, "fragment_timeout")
    trial.stop(lab, name)
    expect_reasons(trial, lab, name, bad, over_limit)


def compare(trial, name, passing, bad, arrived):
    for case, sent in passing.items():
        found = [frame for frame in arrived if frame in sent]
        trial.check(f"{name}: {case} passes unchanged", found == sent, [x.hex() for x in found])
    for case, (_, sent) in bad.items():
        trial.check(f"{name}: {case} does not arrive", not [x for x in arrived if x in sent])
    known = {frame for case in passing.values() for frame in case} | set(flood())
    trial.check(f"{name}: nothing arrives that was not sent", set(arrived) <= known,
                [frame.hex() for frame in set(arrived) - known][:3])


def flood_passed(trial, name, arrived):
    through = len([frame for frame in arrived if frame in set(flood())])
    trial.check(f"{name}: of a flood the burst arrives, and not all of it",
                FLOOD_BURST <= through < FLOOD, through)
    return through


def expect_reasons(trial, lab, kind, bad, over_limit):
    expected = {"flow_rate_exceeded": over_limit} if over_limit else {}
    for reason, sent in bad.values():
        expected[reason] = expected.get(reason, 0) + len(sent)
    counters = trial.check_equations(lab, kind)
    found = counters.get("dropped_by_reason", {})
    for reason in sorted(expected):
        trial.check(f"{kind}: {reason} counts exactly", found.get(reason, 0) == expected[reason],
                    f"{found.get(reason, 0)}, not {expected[reason]}")
    others = {reason: count for reason, count in found.items() if reason not in expected}
    trial.check(f"{kind}: no other reason counts", not others, others)
    reported = {event["drop"]["reason"] for event in lab.events("drop")}
    trial.check(f"{kind}: each reason has a drop event", reported == set(expected),
                reported ^ set(expected))


def jumbo(trial, lab):
    content = os.urandom(20 << 20)
    lab.serve_http({"large": content})
    trial.start(lab, lab.configuration("af_packet", SMALL))
    for address in (lab_network.SERVER_IP4, lab_network.SERVER_IP6):
        trial.check(f"MTU 9000: ping {address} with 8,900 bytes",
                    lab.ping(address, 3, "-M", "do", "-s", "8900") == 3)
    largest = f.ether(f.IPV4, f.ip4(f.UDP, f.udp(1, 2, bytes(9000 - 28))))
    tagged = f.ether(f.VLAN, f.vlan(5, f.IPV4, largest[14:]))
    arrived = send_and_collect(lab, [largest, tagged])
    trial.check("MTU 9000: frames of 9,014 bytes and one tag pass unchanged",
                arrived == [largest, tagged], [len(frame) for frame in arrived])
    target = lab.directory / "downloaded"
    lab.exec(lab.client, "curl", "-sf", "-m", "120", "-o", target,
             f"http://{lab_network.SERVER_IP4}/large", check=False)
    trial.check("MTU 9000: a download arrives whole", target.exists() and hashlib.sha256(
        target.read_bytes()).digest() == hashlib.sha256(content).digest())
    trial.stop(lab, "MTU 9000")
    trial.check_equations(lab, "MTU 9000")


def larger_than_the_pair(trial, lab):
    """Hosts of MTU 9000 and a pair of 1500: what is too big goes with a count, never silently."""
    configuration = lab.configuration("af_packet", SMALL).replace("mtu: 9000", "mtu: 1500")
    trial.start(lab, configuration)
    fits, too_big, cut = (f.ether(f.IPV4, f.ip4(f.UDP, f.udp(size, 2, bytes(size - 28))))
                          for size in (1500, 1900, 9000))
    arrived = send_and_collect(lab, [fits, too_big, cut])
    trial.note(f"pair of MTU 1500: frames of {[len(frame) for frame in arrived]} bytes arrived")
    trial.check("pair of MTU 1500: a frame of 1,514 bytes passes", fits in arrived)
    trial.check("pair of MTU 1500: a frame of 9,014 bytes does not", cut not in arrived)
    trial.stop(lab, "pair of MTU 1500")
    trial.check_equations(lab, "pair of MTU 1500")
    lost = lab.events("stats")[-1]["stats"]["capture"]["kernel_drops"]
    refused_here = lab.refused_by_reason().get("frame_too_big", 0)
    trial.check("pair of MTU 1500: every frame that did not arrive is counted",
                lost + refused_here == 3 - len(arrived), f"{lost} lost, {refused_here} refused")


def jumbo_over_af_xdp(trial, lab):
    path = lab.directory / "af_xdp.yaml"
    path.write_text(lab.configuration("af_xdp", SMALL))
    for verb in ("run", "check"):
        done = lab.exec(lab.gateway, lab.build / "sluiced", verb, "--config", path, check=False,
                        timeout=60)
        said = f"exit {done.returncode}: {done.stderr}"
        trial.check(f"MTU 9000 over af_xdp: `{verb}` ends with 2", done.returncode == 2, said)
        trial.check(f"MTU 9000 over af_xdp: `{verb}` names place, value, bound and fix",
                    all(word in done.stderr for word in (str(path) + ":", "mtu is 9000", "3498",
                                                         "hint:", "af_packet")), said)


def frames(trial):
    with trial.lab() as lab:
        for kind in ("af_packet", "af_xdp"):
            over(trial, lab, kind)
        over(trial, lab, "af_packet", workers=2)
    with trial.lab(mtu=9000) as lab:
        jumbo(trial, lab)
        larger_than_the_pair(trial, lab)
        jumbo_over_af_xdp(trial, lab)


if __name__ == "__main__":
    sys.exit(main("m", frames))
