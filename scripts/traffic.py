"""Small senders and receivers that run inside a lab's namespaces; every one ends by itself.

  traffic.py udp-send DEST PORT COUNT [SOURCE]    COUNT datagrams of 100 bytes as fast as they go
  traffic.py udp-count PORT READY                 writes READY, counts datagrams until 1 s of silence
  traffic.py frames-send IFACE                    raw frames, one in hex per line on standard input
  traffic.py frames-count IFACE ETHERTYPE READY   prints every frame of that EtherType in hex
"""
import pathlib
import socket
import sys

SILENCE_SECONDS = 1.0
FIRST_SECONDS = 20.0
FRAMES_MAX = 1_000_000
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


def frames_send(interface):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        sent = 0
        for line in sys.stdin:
            sender.send(bytes.fromhex(line.strip()))
            sent += 1
    print(sent)


def frames_count(interface, ether_type, ready):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        # The kernel takes VLAN tags out of the frame; PACKET_AUXDATA says which they were.
        receiver.setsockopt(263, 8, 1)
        receiver.bind((interface, 0))
        wanted = int(ether_type, 16)

        def receive(sock):
            frame, ancillary, _, address = sock.recvmsg(65536, 256)
            if address[2] == socket.PACKET_OUTGOING:
                return
            frame = with_vlan_tag(frame, ancillary)
            if wanted in (0, int.from_bytes(frame[12:14], "big")):
                print(frame.hex())

        until_silence(receiver, ready, receive)


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
    {"udp-send": udp_send, "udp-count": udp_count, "frames-send": frames_send,
     "frames-count": frames_count}[sys.argv[1]](*sys.argv[2:])
