"""Transforms of HTTP requests; evasion_readers.py says who takes them for the attack."""
import functools
import gzip
import re
import zlib

from evasion_case import Case, pieces, sends

PATH, QUERY, BODY, AGENT, COOKIE = (
    "/etc/passwd", "union select secret", "union select secret", "evilscan", "token=evil")
NEAR_MISS = {"passwd": "passwf", "secret": "secreq", "scan": "scam", "evil": "evii"}
MARK = b"\0<"  # behind the letter that differs in the benign twin
D, T = b"d" + MARK, b"t" + MARK
gzipped = functools.partial(gzip.compress, mtime=0)  # a second in 256 begins with the mark's byte
HEAD = b"Host: lab\r\nUser-Agent: one\r\n"
POST = b"POST /form HTTP/1.1\r\n" + HEAD
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def benign(data):
    """One letter is another, however it is written."""
    for word, other in NEAR_MISS.items():
        data = data.replace(word[-1].encode() + MARK, other[-1].encode()).replace(
            f"%{ord(word[-1]):02x}".encode() + MARK, f"%{ord(other[-1]):02x}".encode())
    return data.replace(MARK, b"")


def case(family, name, template, marker):
    """`template` has MARK behind the last letter of the marker wherever that stands."""
    return family, name, {"attack": template.replace(MARK, b""), "benign": benign(template)}, marker


def get(path, version=b" HTTP/1.1", method=b"GET", head=HEAD, line=b"\r\n"):
    return method + b" " + path + version + line + head.replace(b"\r\n", line) + line


def encoded(text):
    return b"".join(b"%%%02x" % letter for letter in text)


def paths():
    plain = b"/etc/passw" + D
    kinds = {
        "plain": plain,
        "a directory in front": b"/a/b" + plain,
        "one letter encoded": b"/%65tc/passw" + D,
        "a word encoded": b"/" + encoded(b"etc") + b"/passw" + D,
        "all encoded, upper case": b"/" + encoded(b"etc/passw").upper() + b"%64" + MARK,
        "an encoded slash": b"/etc%2fpassw" + D,
        "a dot segment": b"/./etc/./passw" + D,
        "a dot segment, encoded": b"/etc/%2e/passw" + D,
        "two slashes": b"//etc//passw" + D,
        "many slashes": b"/etc////////passw" + D,
        "up and down": b"/etc/x/../passw" + D,
        "up, encoded": b"/etc/x/%2e%2e/passw" + D,
        "up, half encoded": b"/etc/x/.%2e/passw" + D,
        "up twice": b"/etc/x/y/../../passw" + D,
        "dots and slashes": b"/./a//..///etc/.//b/.././passw" + D,
        "a query behind": plain + b"?a=b",
        "an empty query": plain + b"?",
        "a long query": plain + b"?" + b"a=b&" * 400,
        "a query that hides another path": plain + b"?/../x",
        "a fragment behind": plain + b"#a",
        "a long way around": b"/" + b"a/../" * 300 + b"etc/passw" + D,
        "a long way around, encoded": b"/" + b"%61/%2e./" * 150 + b"etc/passw" + D,
        "absolute": b"http://lab" + plain,
        "absolute, upper case": b"HTTP://LAB" + plain,
        "absolute, with a port": b"http://lab:80" + plain,
        "absolute, with a user": b"http://a@lab" + plain,
    }
    for name, path in kinds.items():
        yield case("HTTP paths", name, get(path), PATH)
    for name, path in {
            "encoded twice": b"/etc%252fpassw" + D,
            "encoded twice, letters": b"/%2565tc/passw" + D,
            "encoded in its encoding": b"/%%36%35tc/passw" + D,
            "percent u": b"/%u0065tc/passw" + D,
            "percent u, a slash": b"/etc%u002fpassw" + D,
            "a backslash": b"/etc\\passw" + D,
            "a backslash, encoded": b"/etc%5cpassw" + D,
            "a slash of two bytes": b"/etc%c0%afpassw" + D,
            "full width": b"/%uff45tc/passw" + D}.items():
        yield case("HTTP paths, lenient servers", name, get(path), PATH)


def lines():
    path = b"/etc/passw" + D
    kinds = {
        "a CRLF in front": b"\r\n" + get(path),
        "four CRLFs in front": b"\r\n" * 4 + get(path),
        "an LF in front": b"\n" + get(path),
        "LF only": get(path, line=b"\n"),
        "HTTP/1.0": get(path, b" HTTP/1.0"),
        "HTTP/1.0 without a header": get(path, b" HTTP/1.0", head=b""),
        "HTTP/0.9": b"GET " + path + b"\r\n",
        "HTTP/0.9, LF only": b"GET " + path + b"\n",
        "several blanks": b"GET   " + path + b"   HTTP/1.1\r\n" + HEAD + b"\r\n",
        "a blank in front": b" " + get(path),
        "blanks and lines in front": b"\t\r\n \t" + get(path),
        "odd blanks in front": b"\x0b\x1f\x85" + get(path),
        "odd blanks between": b"GET\xa0" + path + b"\x0cHTTP/1.1\r\n" + HEAD + b"\r\n",
        "many headers": get(path, head=HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(80))),
        "long headers": get(path, head=HEAD + b"".join(
            b"X-%d: %s\r\n" % (i, b"y" * 700) for i in range(9))),
        "a header without a value": get(path, head=HEAD + b"X-Empty:\r\n"),
        "a header without a blank": get(path, head=b"Host:lab\r\n"),
        "a body": get(path, head=HEAD + b"Content-Length: 4\r\n") + b"body",
    }
    for method in (b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND",
                   b"MKCOL"):
        kinds[f"method {method.decode()}"] = get(path, method=method,
                                                 head=HEAD + b"Content-Length: 0\r\n")
    for name, text in kinds.items():
        yield case("HTTP lines", name, text, PATH)


def pipelines():
    good = get(b"/good")
    befores = {
        "one": good,
        "nine": good * 9,
        "a body": POST + b"Content-Length: 5\r\n\r\n12345",
        "a body that looks like a head":
            POST + b"Content-Length: 19\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        "chunks": POST + CHUNKED + b"5\r\n12345\r\n0\r\n\r\n",
        "chunks and a trailer": POST + CHUNKED + b"5\r\n12345\r\n0\r\nX-Trailer: y\r\n\r\n",
        "HEAD": get(b"/good", method=b"HEAD"),
        "an empty line between": good + b"\r\n",
        "an expectation": POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n12345"}
    for name, before in befores.items():
        yield case("HTTP pipelines", f"behind {name}", before + get(b"/etc/passw" + D), PATH)


def queries():
    kinds = {
        "blanks encoded": b"union%20select%20secre" + T,
        "plus signs": b"union+select+secre" + T,
        "odd case": b"uNiOn%20SeLeCt%20secre" + T,
        "letters encoded": b"%75nion%20se%6cect%20secre" + T,
        "all encoded": encoded(b"union select secre") + b"%74" + MARK,
        "tabs": b"union%09select%09secre" + T,
        "line ends": b"union%0d%0aselect%0asecre" + T,
        "behind others": b"&".join(b"%d=x" % i for i in range(100)) + b"&q=union+select+secre" + T}
    for name, text in kinds.items():
        yield case("HTTP queries", name, get(b"/item?id=1+" + text), QUERY)


def chunked(text, size, extension=b"", line=b"\r\n", form=b"%x", end=b"0"):
    """MARK belongs to the byte before it."""
    out, letters = b"", re.findall(rb"(?s).(?:\x00<)?", text)
    for at in range(0, len(letters), size):
        part = letters[at:at + size]
        out += form % len(part) + extension + line + b"".join(part) + line
    return out + end + extension + line + line


def bodies():
    text = b"q=1 and union select secre" + T + b" from all"
    length = b"Content-Length: %d\r\n\r\n" % len(text.replace(MARK, b""))
    kinds = {
        "a length": POST + length + text,
        "a length with zeros": POST + length.replace(b": ", b": 000") + text,
        "a length, LF only": (POST + length).replace(b"\r\n", b"\n") + text,
        "upper case": POST + length + text.upper().replace(b"T" + MARK, T),
        "TE in odd case": POST + b"tRANSFER-eNCODING: CHUNKED\r\n\r\n" + chunked(text, 5),
        "TE behind a tab": POST + b"Transfer-Encoding:\tchunked\r\n\r\n" + chunked(text, 5),
        "TE with blanks": POST + b"Transfer-Encoding:   chunked   \r\n\r\n" + chunked(text, 5),
        "an expectation": POST + b"Expect: 100-continue\r\n" + length + text,
        "chunks and a trailer": POST + CHUNKED + chunked(text, 4)[:-2] + b"X-Trailer: y\r\n\r\n",
    }
    for step in (1, 2, 3, 7, 16, 100):
        kinds[f"chunks of {step}"] = POST + CHUNKED + chunked(text, step)
    for name, options in {
            "extensions": {"extension": b";a=b"},
            "an extension in quotes": {"extension": b';a="1;2"'},
            "zeros in front": {"form": b"000%x"},
            "upper case": {"form": b"%X"},
            "LF only": {"line": b"\n"},
            "blanks behind sizes": {"extension": b" "},
            "several zeros at the end": {"end": b"000"}}.items():
        kinds[f"chunks, {name}"] = POST + CHUNKED + chunked(text, 11, **options)
    for name, data in kinds.items():
        yield case("HTTP bodies", name, data, BODY)
    for name, pack in {
            "gzip": gzipped, "x-gzip": gzipped, "deflate": zlib.compress,
            "deflate, raw": lambda data: zlib.compress(data)[2:-4]}.items():
        coding = b"Content-Encoding: " + name.split(",", maxsplit=1)[0].encode() + b"\r\n"
        packed = {"attack": pack(text.replace(MARK, b"")), "benign": pack(benign(text))}
        yield "HTTP bodies, content codings", name, {
            twin: POST + coding + CHUNKED + chunked(body, 9) for twin, body in packed.items()}, BODY


def headers():
    agent, cookie = b"evilscan" + MARK, b"token=evil" + MARK
    for name, line in {
            "usual": b"User-Agent: " + agent,
            "in odd case": b"uSeR-aGeNT: " + agent,
            "without a blank": b"User-Agent:" + agent,
            "behind many blanks": b"User-Agent:      " + agent,
            "behind a tab": b"User-Agent:\t" + agent,
            "blanks behind": b"User-Agent: " + agent + b"    ",
            "the last of many": b"".join(b"X-%d: y\r\n" % i for i in range(60)) + b"User-Agent: "
            + agent,
            "in the middle of a word": b"User-Agent: super" + agent + b"ner"}.items():
        yield case("HTTP headers", f"User-Agent, {name}",
                   get(b"/", head=b"Host: lab\r\n" + line + b"\r\n"), AGENT)
    for name, line in {
            "usual": b"Cookie: a=b; " + cookie, "in odd case": b"cOOKIE: " + cookie,
            "twice": b"Cookie: a=b\r\nCookie: " + cookie}.items():
        yield case("HTTP headers", f"Cookie, {name}", get(b"/", head=HEAD + line + b"\r\n"), COOKIE)
    for name, line in {
            "folded": b"User-Agent: a\r\n " + agent,
            "folded with a tab": b"User-Agent:\r\n\t" + agent,
            "a blank before the colon": b"User-Agent : " + agent}.items():
        yield case("HTTP headers, lenient servers", f"User-Agent, {name}",
                   get(b"/", head=b"Host: lab\r\n" + line + b"\r\n"), AGENT)


def cuts(data):
    """How a request is cut into segments."""
    yield "", pieces(range(1400, len(data), 1400), len(data))
    if len(data) <= 160:
        yield ", byte by byte", pieces(range(1, len(data)), len(data))
    if len(data) <= 400:
        yield ", of 7 bytes, reversed", pieces(range(7, len(data), 7), len(data))[::-1]


def cut_in_two():
    text = get(b"/a/./etc/passwd")
    data = {"attack": text, "benign": text.replace(b"passwd", b"passwf")}
    for at in range(1, len(text)):
        for step, how in ((1, ""), (-1, ", reversed")):
            yield Case("HTTP cut in two", f"at {at}{how}", sends(pieces([at], len(text))[::step]),
                       data=data, marker=PATH)


def cases():
    for family in (paths, lines, pipelines, queries, bodies, headers):
        for group, name, data, marker in family():
            for how, _ in cuts(data["attack"]):
                yield Case(group, name + how, sends(lambda c, how=how: dict(cuts(c.data))[how]),
                           data=data, marker=marker)
    yield from cut_in_two()
