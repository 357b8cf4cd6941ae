# A customer in Python: http.client, urllib.request and, where it is installed,
# requests. Called by "bench-web record" with the program's part, the address of
# the shop, what the customer enters and the file to upload.
import http.client
import http.cookiejar
import json
import sys
import urllib.parse
import urllib.request

part, base, story, file = sys.argv[1:5]
story = json.load(open(story, encoding="utf-8"))
form = lambda name: urllib.parse.urlencode(story[name])


def low():
    c = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc)
    c.request("GET", "/search?" + form("search"))
    c.getresponse().read()
    c.request("PUT", "/api/orders/1001", json.dumps(story["order"], ensure_ascii=False).encode(), {"Content-Type": "application/json; charset=utf-8"})
    c.getresponse().read()
    c.request("POST", "/api/orders", iter([json.dumps(story["order"]).encode()]), {"Content-Type": "application/json"})
    c.getresponse().read()


def urllib_():
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar)
    opener.open(base + "/search?" + form("search")).read()
    opener.open(base + "/login", form("login").encode()).read()
    opener.open(base + "/contact", form("contact").encode()).read()


def requests_():
    import requests

    s = requests.Session()
    s.get(base + "/search", params=story["search"])
    s.post(base + "/login", data=story["login"])
    s.post(base + "/contact", data=story["contact"], files={"photo": (story["file"], open(file, "rb"), "image/png")})
    s.put(base + "/api/orders/1001", json=story["order"])
    s.delete(base + "/api/cart/7")


{"http.client": low, "urllib": urllib_, "requests": requests_}[part]()
