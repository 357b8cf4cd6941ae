// A customer in Node: fetch, or the http module. Called by "bench-web record" with
// the program's part, the address of the shop, what the customer enters and the
// file to upload.
import { readFileSync } from "node:fs";
import http from "node:http";

const [part, base, storyFile, file] = process.argv.slice(2);
const story = JSON.parse(readFileSync(storyFile, "utf8"));
const form = (name) => new URLSearchParams(story[name]);

async function fetched() {
  const ask = async (path, options) => (await fetch(base + path, options)).text();
  await ask("/search?" + form("search"));
  await ask("/login", { method: "POST", body: form("login"), redirect: "manual" });
  const data = new FormData();
  for (const [name, value] of Object.entries(story.contact)) data.append(name, value);
  data.append("photo", new File([readFileSync(file)], story.file, { type: "image/png" }));
  await ask("/contact", { method: "POST", body: data, redirect: "manual" });
  const headers = { "Content-Type": "application/json", Authorization: "Bearer 4f1c0d9b7e" };
  await ask("/api/orders/1001", { method: "PUT", headers, body: JSON.stringify(story.order) });
  await ask("/api/orders", { method: "POST", headers, body: new Blob([JSON.stringify(story.order)]).stream(), duplex: "half" });
}

function plain(path, options, pieces = []) {
  return new Promise((done, failed) => {
    const r = http.request(base + path, options, (a) => a.resume().on("end", done));
    r.on("error", failed);
    for (const piece of pieces) r.write(piece);
    r.end();
  });
}

async function low() {
  await plain("/search?" + form("search"), {});
  const type = { "Content-Type": "application/x-www-form-urlencoded" };
  const body = form("contact").toString();
  await plain("/contact", { method: "POST", headers: { ...type, "Content-Length": body.length } }, [body]);
  await plain("/contact", { method: "POST", headers: type }, [body.slice(0, 1000), body.slice(1000)]);
  await plain("/api/orders/1001", { method: "PATCH", headers: { "Content-Type": "application/json", Accept: "application/json" } }, [JSON.stringify({ note: story.order.note })]);
}

await { fetch: fetched, http: low }[part]();
