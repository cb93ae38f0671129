"""Ordinary requests as sites at large get them: pages, forms, interfaces, uploads, programs that ask.

Made from a seed, so that every run is the same. What visitors write holds the words and signs that
attacks hold too; bodies are longer than a segment.
"""
import base64
import json
import random
import urllib.parse

from http_capture import head

SEED = 20_261_121
PLAIN = ("the a an of to in is it was for on with as this have but his they you we all can had her what "
         "there your said each about how out them then some would other room guest breakfast garden water "
         "street station evening morning people friend letter window kitchen summer winter colour ticket "
         "museum bridge river mountain weather music concert teacher pupil lesson answer question number "
         "family doctor holiday journey luggage airport railway coffee bread butter apple cherry village "
         "market price invoice delivery return parcel stamp address payment account contract customer "
         "beautiful friendly quiet clean early late small large old new red green blue heavy bright warm "
         "arrived stayed walked enjoyed booked asked waited received wrote called paid thanked returned "
         "today tomorrow yesterday never always often again together really quite almost maybe soon").split()
# Words of attacks that are words of people.
LOADED = ("select union from where order group by drop table insert into update set delete and or not "
          "like between having script alert image source style object form input cat dog ping sleep echo "
          "find sort head tail date time who which type copy net shell system passwords hosts windows "
          "program files logs admin config include path root home at more less make true false").split()
SIGNS = (" ",) * 60 + (", ",) * 12 + (". ",) * 8 + (
    "; ", " & ", " - ", ": ", "! ", "? ", " (again) ", " \"so called\" ", " don't ", " it's ", "... ", " / ",
    " + ", " = ", " < 5 ", " 50% ", " #1 ", ".\r\n", ".\r\n\r\n", " caf\u00e9 ", " \u2013 ", " $5 ",
    " *very* ", " me@example.net ", " http://www.example.com/ ", " O'Hara ")
PAGES = ("/", "/index.html", "/shop/{n}/{w}-{w}.html", "/blog/{w}-{w}-{w}/", "/search?q={q}&page={n}",
         "/api/v2/{w}s/{u}?expand={w},{w}&sort=-{w}", "/static/{w}.{h}.js", "/img/{u}/640x480.webp",
         "/calendar?from=2026-11-{d}&to=2026-12-{d}", "/{w}/{w}?utm_source={w}&utm_medium=cpc&gclid={b}",
         "/login?return=https%3A%2F%2Fwww.example.com%2F{w}%3Fid%3D{n}", "/map?bbox=7.4,47.3,7.6,47.5",
         "/wp-json/wp/v2/posts?per_page={n}&_fields=id,title", "/wp-admin/admin-ajax.php?action={w}_{w}",
         "/api/v1/query?query=sum%20by%20(job)%20(rate(http_requests_total%7Bcode%3D~%225..%22%7D%5B5m%5D))",
         "/owa/?ae=Folder&t=IPF.Note", "/{w}.git/info/refs?service=git-upload-pack",
         "/pool/main/{w}/{w}/{w}_1.{n}-2_amd64.deb", "/simple/{w}/", "/@{w}%2f{w}", "/list?tags={w};{w}",
         "/bucket/{u}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20261121%2Feu%2Fs3&X-Amz-"
         "Signature={h}{h}", "/ocsp/{b}", "/shop?price=10..20&colour%5B%5D=red&colour%5B%5D=blue",
         "/collect?v=1&t=pageview&dl=https%3A%2F%2Fwww.example.com%2F{w}%3Fq%3D{q}&dt={q}&sr=1920x1080")
AGENTS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0", "curl/8.10.1", "Wget/1.24.5", "okhttp/4.12.0",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
          " Version/18.1 Mobile/15E148 Safari/604.1", "python-requests/2.32.3", "Go-http-client/1.1",
          "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "git/2.47.0",
          "Debian APT-HTTP/1.3 (2.9.8)", "Prometheus/2.55.0", "Java/21.0.4", "Microsoft-CryptoAPI/10.0")


class Visitor:
    """Draws from one seed."""

    def __init__(self, seed=SEED):
        self.random = random.Random(seed)

    def word(self):
        return self.random.choice(PLAIN if self.random.random() < 0.85 else LOADED)

    def text(self, words):
        return "".join(self.word() + self.random.choice(SIGNS) for _ in range(words))

    def key(self, size):
        return "%0*x" % (size, self.random.getrandbits(4 * size))

    def page(self):
        parts = {"n": lambda: str(self.random.randint(1, 400)), "w": self.word,
                 "d": lambda: str(self.random.randint(10, 28)), "h": lambda: self.key(32),
                 "u": lambda: "-".join(self.key(n) for n in (8, 4, 4, 4, 12)),
                 "b": lambda: urllib.parse.quote(self.base64(24), safe=""),
                 "q": lambda: urllib.parse.quote_plus(" ".join(self.word() for _ in range(4)))}
        page = self.random.choice(PAGES)
        for name, value in parts.items():
            while "{" + name + "}" in page:
                page = page.replace("{" + name + "}", value(), 1)
        return page

    def base64(self, size):
        return base64.b64encode(self.random.randbytes(size)).decode()

    def headers(self):
        consent = urllib.parse.quote(json.dumps({"necessary": True, self.word(): False, "v": [1, 2]}))
        lines = [f"Referer: https://www.example.org{self.page()}",
                 f"X-Forwarded-For: 198.51.100.{self.random.randint(1, 254)}",
                 f"Cookie: sid={self.key(32)}; consent={consent}; t={self.base64(48)}",
                 f"Authorization: Bearer {self.base64(30)}.{self.base64(90)}",
                 f'If-None-Match: W/"{self.key(16)}"',
                 "Sec-Fetch-Mode: navigate", 'Sec-CH-UA: "Chromium";v="130", "Not?A_Brand";v="99"',
                 "Range: bytes=0-1023", f"traceparent: 00-{self.key(32)}-{self.key(16)}-01"]
        return [line.encode() for line in self.random.sample(lines, self.random.randint(1, 5))]

    def body(self):
        """Type and bytes of what a visitor or a program sends."""
        size = self.random.choice((5, 20, 80, 600))
        kind = self.random.choice(("form", "json", "multipart", "graphql", "soap"))
        text = self.text(size)
        if kind == "form":
            return "application/x-www-form-urlencoded", urllib.parse.urlencode(
                {"title": self.text(3), "comment": text, "token": self.base64(32)}).encode()
        if kind == "json":
            return "application/json", json.dumps(
                {"id": self.key(8), "text": text, "tags": [self.word(), self.word()], "price": 9.5}).encode()
        if kind == "graphql":
            return "application/json", json.dumps(
                {"query": "query Find($id: ID!, $n: Int = 10) { node(id: $id) { id name items(first: $n) "
                          "{ edges { node { title } } } } }", "variables": {"id": self.base64(9)}}).encode()
        if kind == "soap":
            return "text/plain; charset=utf-8", text.encode()
        edge = "----WebKitFormBoundary" + self.key(16)
        named = f'--{edge}\r\nContent-Disposition: form-data; name='
        note = f'{named}"note"\r\n\r\n{text}\r\n'
        photo = (f'{named}"photo"; filename="{self.word()} 1.jpg"\r\n'
                 "Content-Type: image/jpeg\r\n\r\n")
        return (f"multipart/form-data; boundary={edge}", note.encode() + photo.encode()
                + self.random.randbytes(4000) + f"\r\n--{edge}--\r\n".encode())

    def request(self):
        agent = self.random.choice(AGENTS).encode()
        headers = self.headers()
        if self.random.random() < 0.6:
            start = self.random.choice(("GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"))
            return self._with_agent(head(f"{start} {self.page()} HTTP/1.1".encode(), headers), agent)
        kind, body = self.body()
        start = self.random.choice(("POST", "POST", "PUT", "PATCH"))
        headers += [b"Content-Type: " + kind.encode(), b"Content-Length: %d" % len(body)]
        return self._with_agent(head(f"{start} {self.page()} HTTP/1.1".encode(), headers), agent) + body

    @staticmethod
    def _with_agent(text, agent):
        start = text.index(b"User-Agent: ")
        return text[:start] + b"User-Agent: " + agent + text[text.index(b"\r\n", start):]
