"""Small senders and receivers that run inside a lab's namespaces; every one ends by itself.

  traffic.py udp-send DEST PORT COUNT [SOURCE]    COUNT datagrams of 100 bytes as fast as they go
  traffic.py udp-count PORT READY                 counts datagrams until 1 s of silence
  traffic.py udp-stream DEST PORT RATE STOP       numbered datagrams at RATE/s until STOP exists
  traffic.py udp-tally PORT READY                 how many numbers of a stream came, and how often
  traffic.py frames-send IFACE                    raw frames, one in hex per line on standard input
  traffic.py frames-collect IFACE READY           prints frames in hex until one of EtherType 88b6

A stream ends with datagrams that say so, and collected frames with one that does: no silence has to
be waited for, so a machine that is too busy makes nothing end early.
"""
import pathlib
import socket
import sys
import time

SILENCE_SECONDS = 1.0
FIRST_SECONDS = 20.0
FRAMES_MAX = 1_000_000
STREAM_SECONDS_MAX = 120
STREAM_CATCH_UP = 64  # datagrams at once after the sender was kept from running
END_OF_FRAMES = bytes.fromhex("88b6")  # EtherType for local experiments, IEEE 802
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; not in the socket module


def udp_send(destination, port, count, source=None):
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        if source:
            sender.bind((source, 0))
        sender.connect((destination, int(port)))
        sent = 0
        for _ in range(min(int(count), FRAMES_MAX)):
            try:
                sender.send(b"x" * 100)
                sent += 1
            except (ConnectionRefusedError, BlockingIOError):
                continue
    print(sent)


def until_silence(receiver, ready, receive):
    """Calls `receive` until nothing came for a while; the first packet may take longer."""
    pathlib.Path(ready).touch()
    receiver.settimeout(FIRST_SECONDS)
    for _ in range(FRAMES_MAX):
        try:
            receive(receiver)
        except socket.timeout:
            return
        receiver.settimeout(SILENCE_SECONDS)


def udp_count(port, ready):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        receiver.bind(("::", int(port)))
        got = []
        until_silence(receiver, ready, lambda s: got.append(len(s.recv(2048))))
        print(len(got))


def udp_stream(destination, port, rate, stop):
    """Prints how many were sent; a pause of the machine is not made up for by a burst."""
    stop, rate, sent = pathlib.Path(stop), int(rate), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((destination, int(port)))
        due, last = 0.0, time.monotonic()
        until = last + STREAM_SECONDS_MAX
        while last < until and not stop.exists():
            now = time.monotonic()
            due, last = min(due + (now - last) * rate, STREAM_CATCH_UP), now
            while due >= 1:
                sent += 1 if offer(sender, sent.to_bytes(8, "big") + b"x" * 92) else 0
                due -= 1
            time.sleep(4 / rate)
        for _ in range(5):
            offer(sender, b"end")
            time.sleep(0.01)
    print(sent)


def offer(sender, datagram):
    """True when the kernel took it. An ICMP error that an earlier one caused is not this one's."""
    for _ in range(2):
        try:
            sender.send(datagram)
            return True
        except ConnectionRefusedError:
            continue
        except OSError:
            return False
    return False


def udp_tally(port, ready):
    numbers, datagrams = set(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        receiver.bind(("0.0.0.0", int(port)))
        receiver.settimeout(FIRST_SECONDS)
        pathlib.Path(ready).touch()
        try:
            while (datagram := receiver.recv(2048)) != b"end":
                numbers.add(datagram[:8])
                datagrams += 1
        except socket.timeout:
            pass
    print(len(numbers), datagrams)


def frames_send(interface):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        sent = 0
        for line in sys.stdin:
            sender.send(bytes.fromhex(line.strip()))
            sent += 1
    print(sent)


def frames_collect(interface, ready):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        # The kernel takes VLAN tags out of the frame; PACKET_AUXDATA says which they were.
        receiver.setsockopt(263, 8, 1)
        receiver.bind((interface, 0))
        receiver.settimeout(FIRST_SECONDS)
        pathlib.Path(ready).touch()
        for _ in range(FRAMES_MAX):
            try:
                frame, ancillary, _, address = receiver.recvmsg(65536, 256)
            except socket.timeout:
                return
            if address[2] == socket.PACKET_OUTGOING:
                continue
            if frame[12:14] == END_OF_FRAMES:
                return
            print(with_vlan_tag(frame, ancillary).hex(), flush=True)


def with_vlan_tag(frame, ancillary):
    """The frame as it was on the wire."""
    for level, kind, data in ancillary:
        if level == 263 and kind == 8 and len(data) >= 20:
            status = int.from_bytes(data[0:4], "little")
            tci, tpid = (int.from_bytes(data[at:at + 2], "little") for at in (16, 18))
            if status & 0x10:
                tpid = tpid if status & 0x40 else 0x8100
                return frame[:12] + tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") + frame[12:]
    return frame


if __name__ == "__main__":
    {"udp-send": udp_send, "udp-count": udp_count, "udp-stream": udp_stream,
     "udp-tally": udp_tally, "frames-send": frames_send,
     "frames-collect": frames_collect}[sys.argv[1]](*sys.argv[2:])
