// What the first screen and the ledger say of a gate of which nothing is heard, in
// both languages. Arguments: the address of the console; the cookie of somebody
// who entered.
import assert from "node:assert/strict";
import { browser, inspect, watch } from "./people.mjs";

const [origin, cookie] = process.argv.slice(2);
const b = await browser();
const said = [];
for (const [locale, silent, known] of [["ja-JP", /shop-db は [-\d: ]+ から沈黙/, "沈黙"], ["en-US", /shop-db is silent since \d[-\d: ]+/, "silent"]]) {
  const context = await b.newContext({ viewport: { width: 1280, height: 900 }, locale });
  await context.addCookies([{ name: "sekisho", value: cookie, url: origin }]);
  const page = await context.newPage();
  page.setDefaultTimeout(120000); // a busy machine
  watch(page, said);
  await page.goto(origin + "/");
  assert.match(await page.locator(".banner-coverage").innerText(), silent);
  const findings = await inspect(page);
  await page.goto(origin + "/ledger");
  assert.ok((await page.locator('tr:has(th:has-text("gate/shop-db"))').innerText()).includes(known), "the ledger's room does not say it");
  findings.push(...(await inspect(page)));
  assert.deepEqual(findings, [], "axe-core");
  await context.close();
}
assert.deepEqual(said, [], "errors in the browser");
await b.close();
console.log("done: a silent gate, on the first screen and in the ledger's room");
