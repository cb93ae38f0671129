"""Files that visitors and programs upload: nothing in them was written for a rule to find, so that
every alert is one by chance.

Made from a seed. Each file is sent as it is, as programs do, or in a form, as browsers do.
"""
import gzip
import io
import random
import struct
import zipfile
import zlib

from http_capture import head
from ordinary_traffic import LOADED, PLAIN

SEED = 20_261_122
SIZE = 60_000


class Uploader:
    """Draws from one seed; every call of `request` sends the next kind of file."""

    def __init__(self, seed=SEED):
        self.random = random.Random(seed)
        self.sent = 0

    def prose(self, size):
        words = (self.random.choice(PLAIN + LOADED) for _ in range(size // 5))
        return " ".join(words).encode()[:size]

    def noise(self):
        """Video, sound, what is encrypted: every byte as likely as any other."""
        return "application/octet-stream", self.random.randbytes(SIZE)

    def png(self):
        rows = b"".join(b"\0" + self.random.randbytes(192) for _ in range(SIZE // 193))
        return "image/png", b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in ((b"IHDR", struct.pack(">IIBBBBB", 64, SIZE // 193, 8, 2, 0, 0, 0)),
                               (b"tEXt", b"Comment\0" + self.prose(60)),
                               (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))

    def photo(self):
        """As JPEG: markers, what the camera says, then bytes in which 0xff is followed by 0."""
        camera = b"Exif\0\0MM\0*\0\0\0\x08" + self.prose(90) + b"\0" * 40
        scan = self.random.randbytes(SIZE).replace(b"\xff", b"\xff\0")
        return "image/jpeg", (b"\xff\xd8\xff\xe1" + struct.pack(">H", len(camera) + 2) + camera
                              + b"\xff\xda\0\x0c\x03\x01\0\x02\x11\x03\x11\0?\0" + scan + b"\xff\xd9")

    def archive(self):
        """As office programs write: names of parts between compressed text."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
            for number in range(12):
                part = zipfile.ZipInfo(f"word/part{number}.xml", (2026, 11, 22, 10, 0, 0))
                part.compress_type = zipfile.ZIP_DEFLATED
                whole.writestr(part, self.prose(SIZE // 4))
        return "application/zip", file.getvalue()

    def compressed(self):
        return "application/gzip", gzip.compress(self.prose(SIZE * 3), mtime=0)

    def pdf(self):
        """Objects in words, with compressed pages between them."""
        out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
        for number in range(1, 9):
            page = zlib.compress(self.random.randbytes(SIZE // 8))
            out += (b"%d 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]"
                    b"/Font<</F1 5 0 R>>>>\nendobj\n"
                    b"%d 0 obj\n<</Length %d/Filter/FlateDecode>>stream\n"
                    % (2 * number, 2 * number + 1, len(page)))
            out += page + b"\nendstream\nendobj\n"
        key = self.random.randbytes(16).hex().upper().encode()
        return "application/pdf", out + (b"trailer\n<</Size 20/Root 1 0 R/Info<</Title (%b)>>/ID[<%b><%b>]"
                                         b">>\nstartxref\n%d\n%%%%EOF\n"
                                         % (self.prose(30), key, key, len(out)))

    def sound(self):
        values = (int(9_000 * self.random.gauss(0, 1)) for _ in range(SIZE // 2))
        data = b"".join(struct.pack("<h", max(-32_768, min(32_767, value))) for value in values)
        return "audio/wav", (b"RIFF" + struct.pack("<I", len(data) + 36) + b"WAVEfmt "
                             + struct.pack("<IHHIIHH", 16, 1, 1, 44_100, 88_200, 2, 16)
                             + b"data" + struct.pack("<I", len(data)) + data)

    def table(self):
        """Records of numbers and short names, as programs and databases keep them."""
        return "application/octet-stream", b"".join(
            struct.pack("<IdHB", number, self.random.random() * 1e6, self.random.getrandbits(16), 12)
            + self.random.choice(PLAIN).encode().ljust(12, b"\0") for number in range(SIZE // 27))

    KINDS = (noise, png, photo, archive, compressed, pdf, sound, table)

    def request(self):
        kind, data = self.KINDS[self.sent % len(self.KINDS)](self)
        in_form = self.sent // len(self.KINDS) % 2 == 1
        self.sent += 1
        if in_form:
            edge = "----WebKitFormBoundary" + "%016x" % self.random.getrandbits(64)
            front = (f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="my file.bin"\r\n'
                     f"Content-Type: {kind}\r\n\r\n").encode()
            kind = f"multipart/form-data; boundary={edge}"
            data = front + data + f"\r\n--{edge}--\r\n".encode()
        start = b"POST /upload HTTP/1.1" if in_form else b"PUT /files/today.bin HTTP/1.1"
        return head(start, (b"Content-Type: " + kind.encode(),
                            b"Content-Length: %d" % len(data))) + data
