// What a firm does on its first day and in its first night, in a real browser:
// first account, second person, the button, a document released by two, whose
// data left, a look at names; then every page in both languages, by keyboard
// and on a phone. Arguments: the link for the first account; the directory for
// pictures, or nothing. Prints one line for each thing done; the first that
// fails ends it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { byKeyboard } from "./keyboard.mjs";
import { browser, code, enter, inspect, join, password, watch } from "./people.mjs";
import { chooseTime } from "./zoom.mjs";

const [link, mails, pictures] = process.argv.slice(2);
const origin = new URL(link).origin;
const b = await browser();
const done = (what) => console.log("done: " + what);
const open = async (options) => {
  const page = await (await b.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
  page.setDefaultTimeout(120000); // a busy machine
  return page;
};
const shoot = async (page, name, from) => {
  if (pictures && from) await page.locator(from).evaluate((e) => e.scrollIntoView());
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, timeout: 120000 });
};

// until waits for a condition, asking again and again, for as long as a busy
// machine may take.
const until = async (what, holds) => {
  for (const end = Date.now() + 120000; Date.now() < end; await new Promise((r) => setTimeout(r, 200))) {
    if (await holds()) return;
  }
  assert.fail(`never: ${what}`);
};
const card = (page, id) => page.locator(`section[aria-labelledby="${id}"]`);

const said = [];
const ayame = await open({ locale: "ja-JP" });
watch(ayame, said);
const secret = await join(ayame, link, "ayame");
await enter(ayame, origin, "ayame", secret);
assert.match(await ayame.locator(".banner-coverage").innerText(), /ゲート 3 台のうち 3 台/);
done("first run: the first screen, with its coverage");

await ayame.goto(origin + "/users");
await ayame.fill('form[action="/users/invite"] #f-name', "ren");
await ayame.check('form[action="/users/invite"] input[value="csirt"]');
await ayame.click('form[action="/users/invite"] button');
const invitation = (await ayame.locator(".secret code").innerText()).trim();
const ren = await open({ locale: "en-US" });
watch(ren, said);
await enter(ren, origin, "ren", await join(ren, invitation, null));
assert.equal(await ren.locator('nav a[href="/users"]').count(), 0, "a responder sees the room of accounts");
done("a second person entered by a link");

await ren.goto(origin + "/wrong");
await ren.fill("#f-what", "The reservation site shows a strange page");
await ren.click('form[action="/wrong"] button');
await ren.waitForURL("**/cases/**");
const story = new URL(ren.url()).pathname;
assert.ok((await ren.locator(".three .figure-n").count()) === 3, "the first figures were not kept");
assert.match(await ren.locator(".timeline").innerText(), /ren/);
done("something is wrong: the case, its first figures, its timeline");

// Who is on duty is called by mail; nobody answers, so the next rank is.
const number = story.split("/").pop();
for (const who of ["sora", "ren"]) {
  await until(`a mail to ${who}`, () => readFileSync(mails, "utf8").includes(`mail ${who}@example.jp ${number} open:0`));
}
await until("both calls are in the case", async () => {
  await ren.goto(origin + story);
  return /On duty sora mail sent[^]*CSIRT ren mail sent/.test(await card(ren, "h-calls").innerText());
});
assert.match(await card(ren, "h-calls").innerText(), /The next call goes out at/);
await card(ren, "h-calls").locator('form:has(input[value="open:0"]) button').click();
await ren.waitForURL("**?done=saved");
assert.match(await card(ren, "h-calls").innerText(), /ren answered at/);
assert.match(await card(ren, "h-roles").innerText(), /R \(ren\)\s+answered/);
assert.doesNotMatch(readFileSync(mails, "utf8"), new RegExp(`ayame@example.jp ${number} open:0`), "the officer was called although somebody answered");
done("a call by mail that climbed, and its answer");

// What is preserved, by whom, where it went, and a decision to wait. Somebody else
// looks on, and writes.
await ayame.goto(origin + story);
await ayame.locator('details:has(form[action$="/fact"]) summary').click();
await ayame.fill('form[action$="/fact"] input[name="known_by"]', "半分まで書いた");
await ren.locator('details:has(form[action$="/preserve"]) summary').click();
await ren.fill('form[action$="/preserve"] #f-host', "web-1");
await ren.locator('form[action$="/preserve"] input[type="file"]').setInputFiles({ name: "web-1.log", mimeType: "text/plain", buffer: Buffer.from("abc") });
await until("the digest is worked out", async () => (await ren.inputValue("#kept-sum")) === "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-4, "abc"
await ren.selectOption('form[action$="/preserve"] select[name="form"]', "log-export");
await ren.fill('form[action$="/preserve"] #f-kept', "the safe");
await ren.click('form[action$="/preserve"] button');
await ren.waitForURL("**?done=saved");
await card(ren, "h-custody").locator("details:has(form[action$=\"/hand\"]) summary").click();
await ren.fill('form[action$="/hand"] input[name="to"]', "the police");
await ren.click('form[action$="/hand"] button');
await until("it was handed over", async () => /web-1-ba7816bf8f01[^]*ba7816bf8f01[^]*the safe[^]*the police/.test(await card(ren, "h-custody").innerText()));
await until("the timeline goes on by itself", async () => /web-1/.test(await ayame.locator(".timeline").innerText()));
assert.equal(await ayame.inputValue('form[action$="/fact"] input[name="known_by"]'), "半分まで書いた", "what somebody was writing is gone");
await ayame.goto(origin + story);
await ayame.locator('details:has(form[action$="/decide"]) summary').click();
await ayame.selectOption('form[action$="/decide"] select[name="choice"]', "not-yet");
await ayame.fill('form[action$="/decide"] input[name="reason"]', "原因がまだ分からない");
await ayame.click('form[action$="/decide"] button');
await ayame.waitForURL("**?done=saved");
assert.match(await card(ayame, "h-next").innerText(), /公表: まだ行わない 原因がまだ分からない\s+ayame[^]*に見直し/);
done("evidence with its digest, handed over, and a decision");

await ren.goto(origin + story + "/draft/web");
await ren.fill("#f-slot-cause", "We are looking into it.");
await ren.click('form[action$="/write"] button');
await ren.waitForURL("**?done=written");
assert.equal(await ren.locator('form[action$="/release"]').count(), 0, "the writer may release");
await ayame.goto(origin + story + "/draft/web");
await ayame.click('form[action$="/release"] button');
await ayame.waitForURL("**?done=released");
assert.match(await ayame.locator(".draft-side").innerText(), /ayame/);
done("a document, written by one and released by another");

// The first report to the commission: a fact starts its clock, one writes what
// only people know, another releases exactly what was shown.
await ren.goto(origin + story);
await ren.locator('details:has(form[action$="/fact"]) summary').click();
await ren.selectOption('form[action$="/fact"] select[name="fact"]', "personal-data");
await ren.click('form[action$="/fact"] button');
await ren.waitForURL("**?done=saved");
await ren.locator('section[aria-labelledby="h-clocks"] .clock-left').first().waitFor();
assert.match(await card(ren, "h-clocks").innerText(), /Japan Tourism Agency[^]*Because: Personal data is concerned/);
await ayame.goto(origin + story + "/draft/ppc-prelim");
assert.match(await ayame.locator("h1").innerText(), /速報/);
await ayame.fill("#f-slot-overview", "予約サイトの画面が書き換えられた。");
await ayame.click('form[action$="/write"] button');
await ayame.waitForURL("**?done=written");
assert.equal(await ayame.locator('form[action$="/release"]').count(), 0, "the writer of the report may release it");
await ren.goto(origin + story + "/draft/ppc-prelim");
assert.match(await ren.locator(".paper").innerText(), /予約サイトの画面が書き換えられた/);
await ren.click('form[action$="/release"] button');
await ren.waitForURL("**?done=released");
await ren.goto(origin + story);
assert.match(await ren.locator(".timeline").innerText(), /ren/);
await shoot(ayame, "report");
done("the first report to the commission: its clock, written by one and released by another");

await ayame.goto(origin + "/scope");
await ayame.fill('input[name="from"]', "");
await ayame.click('form[action="/scope"] button');
await ayame.waitForSelector("#h-answer");
assert.equal(await ayame.locator(".answer .figure-n").first().innerText(), "1");
await ayame.waitForSelector(".picture svg");
await ayame.locator(".picture svg a").last().focus();
await ayame.keyboard.press("Enter");
await ayame.waitForURL((u) => u.searchParams.get("to") && u.searchParams.get("from"));
await ayame.waitForSelector(".picture svg");
// Down from the figures: who, through which gate, which data, and the events.
await ayame.goto(origin + "/scope?ask=1");
await ayame.waitForSelector(".flows");
await ayame.waitForSelector(".picture svg"); // the figures over time, on the picture too
assert.match(await ayame.locator('section[aria-labelledby="h-trail"] table').innerText(), /app · 127\.0\.0\.1[^]*SELECT/);
await shoot(ayame, "scope", ".answer");
await shoot(ayame, "trail", 'section[aria-labelledby="h-trail"]');
assert.ok((await ayame.locator(".lanes rect").count()) >= 1, "nothing is drawn over time");
await ayame.locator(".lanes a:has(rect)").first().focus();
await ayame.keyboard.press("Enter");
await ayame.waitForURL("**/events?**");
assert.match(await ayame.locator("main table").innerText(), /customers/);
await ayame.goBack();
await ayame.locator(".flows a").first().click();
await ayame.waitForURL((u) => u.searchParams.get("user") === "app");
await ayame.waitForSelector(".flows");
await ayame.locator('section[aria-labelledby="h-trail"] td a').first().click();
await ayame.waitForURL("**/events?**");
assert.match(await ayame.locator("main table").innerText(), /customers/);
await chooseTime(ayame, origin);
done("a time chosen in the picture");
await ayame.goto(origin + "/scope?ask=1");
await ayame.locator('details:has(form[action="/scope/compare"]) summary').click();
await ayame.fill('input[name="other_user"]', "nobody");
await ayame.click('form[action="/scope/compare"] button');
await ayame.locator('section[aria-labelledby="h-both"] tbody tr').nth(2).waitFor();
assert.match(await ayame.locator('section[aria-labelledby="h-both"] tbody tr').nth(2).innerText(), /0\s+200\s+0/);
done("two questions compared");
done("down from figures to sessions, statements and events");
await ayame.goto(origin + "/scope?ask=1");
const [bundle] = await Promise.all([ayame.waitForEvent("download"), ayame.click('a[href^="/scope/bundle?"]')]);
assert.match(bundle.suggestedFilename(), /\.bundle$/);
assert.ok(readFileSync(await bundle.path()).length > 1000, "the bundle is empty");
await ayame.selectOption('form[action="/scope/freeze"] select[name="case"]', story.split("/").pop());
await ayame.click('form[action="/scope/freeze"] button');
await ayame.waitForURL("**?done=frozen");
assert.match(await ayame.locator('section[aria-labelledby="h-figures"]').innerText(), /第2版/);
await ayame.locator("#figures-now table").waitFor(); // asked again behind the page's back
assert.match(await ayame.locator("#figures-now").innerText(), /確定\s+1\s+1\s+±0/);
assert.match(await ayame.locator('section[aria-labelledby="h-roles"]').innerText(), /CSIRT\s+R \(ren\)[^]*役員\s+A \(ayame\)/);
await shoot(ayame, "incident");
done("figures taken along with their proof, and frozen into the case");
await ayame.goto(origin + "/scope?ask=1");
await ayame.fill("#f-purpose", "本人への通知");
await ayame.click('form[action="/scope/look"] button');
await ayame.waitForSelector("text=確定");
assert.match(await ayame.locator("main table").innerText(), /shop\.public\.customers|shop\.customers/);
await ayame.goto(origin + "/events?kind=look");
assert.match(await ayame.locator("main").innerText(), /本人への通知/);
await ayame.goto(origin + "/scope?ask=1");
await ayame.locator('details:has(form[action="/scope/list"]) summary').click();
await ayame.fill("#f-to_key", "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
await ayame.fill('form[action="/scope/list"] input[name="purpose"]', "本人への通知");
const [list] = await Promise.all([ayame.waitForEvent("download"), ayame.click('form[action="/scope/list"] button')]);
assert.match(readFileSync(await list.path()).toString("latin1"), /^age-encryption\.org\/v1\n/);
await ayame.goto(origin + "/events?kind=act&text=list");
assert.match(await ayame.locator("main table").innerText(), /sha256:[0-9a-f]{64}/);
done("whose data left, over time, a look at names that is recorded, and the list, encrypted");

await ayame.goto(origin + "/ledger");
await ayame.click('form[action="/ledger/verify"] button');
await ayame.waitForSelector(".check-ok");
done("the ledger checked");

// The room of web sites: what was refused, why, and the exception for it.
await ayame.goto(origin + "/web");
await ayame.locator("#h-blocks").waitFor();
await ayame.locator('a[href^="/web?block="]').first().click();
await ayame.locator("#h-block").waitFor();
await ayame.fill('form[action="/web/except"] input[name="reason"]', "商品の検索欄");
await ayame.click('form[action="/web/except"] button');
await ayame.waitForURL("**/web?done=saved");
assert.match(await ayame.locator('section[aria-labelledby="h-rules"]').innerText(), /商品の検索欄/);
done("an attack that was refused, explained and excepted");

// What fields were learned as: refused, accepted, forgotten.
const field = (name) => card(ayame, "h-fields").locator(`tr:has(th:text-is("${name}"))`);
assert.match(await field("page").innerText(), /shop\.example\.jp\s+\/tours\s+page\s+integer\s+2\s+1\s+学習済み/);
const answer = async (name, what, say) => {
  await field(name).locator("summary", { hasText: say }).click();
  const form = field(name).locator(`form:has(button[value="${what}"])`);
  await form.locator('input[name="reason"]').fill("目を通した");
  await form.locator("button").click();
  await ayame.waitForURL("**/web?done=saved**");
};
await answer("page", "accept", "認める");
assert.match(await field("page").innerText(), /有効[^]*ayame 目を通した/);
await answer("words", "refuse", "却下する");
assert.match(await field("words").innerText(), /却下/);
await answer("words", "forget", "忘れる");
await answer("page", "forget", "忘れる");
assert.doesNotMatch(await card(ayame, "h-fields").innerText(), /有効|却下\s/);
done("types of fields accepted, refused and forgotten");

// Which accounts somebody with a list of passwords entered, and what they saw.
assert.match(await card(ayame, "h-logins").locator("tbody tr").first().innerText(), /127\.0\.0\.1[^]*\s3\s+3\s+1/);
await card(ayame, "h-logins").locator("summary").first().click();
await card(ayame, "h-logins").locator('details a[href^="/scope?"]').click();
await ayame.waitForURL((u) => u.pathname === "/scope" && u.searchParams.get("address") === "127.0.0.1" && u.searchParams.get("from"));
await ayame.waitForSelector("#h-answer");
done("an attack on logins: who was entered, and the question for it");

// Payment: what is proven, by whom, and the signed evidence.
await ayame.goto(origin + "/web?payment=1");
assert.match(await card(ayame, "h-payment").innerText(), /pay\.example\.com\s+AOC 2026-04\s+2027-03-31[^]*pay\.example\.com/);
const [evidence] = await Promise.all([ayame.waitForEvent("download"), ayame.click('form[action="/web/payment/evidence"] button')]);
const zip = readFileSync(await evidence.path());
assert.ok(zip.subarray(0, 2).toString() === "PK" && zip.includes("evidence.pdf") && zip.includes("evidence.note"), "no signed evidence");
await ayame.goto(origin + "/web?payment=1");
assert.match(await card(ayame, "h-payment").innerText(), /sekisho\.card/);
done("evidence about payment, shown and taken along");

// The ledger says what goes next; one's own page ends sessions and changes the
// password.
await ayame.goto(origin + "/ledger");
assert.match(await card(ayame, "h-retention").innerText(), /何も削除されません/);

// What runs, what does not and the one thing to do; a test call, with its receipt.
await ren.goto(origin + "/settings");
assert.match(await card(ren, "h-parts").innerText(), /Gates before databases\s+configured\s+shop-db[^]*Witnesses of the ledger\s+not configured\s+Name ledger\.witnesses/);
await ren.click('form[action="/settings/test-call"] button');
await ren.locator(".receipt-paper").waitFor();
assert.match(await ren.locator(".receipt-paper").innerText(), /Reached: 3 \([^)]*sora/);
assert.match(readFileSync(mails, "utf8"), /mail ayame@example\.jp/);
await ayame.goto(origin + "/events?kind=act&text=test");
assert.match(await ayame.locator("main table").innerText(), /ren/);
done("settings, and everybody called for a test");

// Cutting: what is shown is what the gates answered.
await ren.goto(origin + "/egress");
assert.match(await ren.locator('section[aria-labelledby="h-flows"]').innerText(), /files\.example/);
await ren.fill('input[name="client"]', "127.0.0.1");
await ren.fill('input[name="to"]', "files.example:443");
await ren.click('form[action="/egress"] button:not([name])');
await ren.waitForURL((u) => u.searchParams.get("to") === "files.example:443");
assert.match(await ren.locator(".next").innerText(), /desk/);
await ren.fill('input[name="target"]', "files.example");
await ren.fill('form[action="/egress/cut"] input[name="reason"]', "data leaves there");
await ren.click('form[action="/egress/cut"] button:not([name])');
const paper = ren.locator(".receipt-paper");
await paper.waitFor();
assert.match(await paper.innerText(), /All 3 gates have it in force/);
assert.match(await ren.locator('section[aria-labelledby="h-cuts"]').innerText(), /files\.example/);
await shoot(ren, "cut");
await ren.fill('form[action="/egress/lift"] input[name="reason"]', "all clear");
await ren.click('form[action="/egress/lift"] button');
await paper.waitFor();
done("a destination cut on all routes, with receipts, and lifted");

// Exceptional access: one asks, another decides.
await ayame.goto(origin + "/sessions");
const glass = card(ayame, "h-grants");
await glass.locator("summary").click();
await glass.locator('input[name="user"]').fill("support");
await glass.locator('input[name="table"]').fill("public.customers");
await glass.locator('input[name="element"][value="phone"]').check();
await glass.locator('input[name="purpose"]').fill("本人からの電話");
await glass.locator('form[action="/grants/request"] button').click();
await ayame.waitForURL("**/sessions?done=requested");
assert.match(await glass.innerText(), /support\s+shop public\.customers\s+電話[^]*本人からの電話[^]*別の人が判断します/);
await ren.goto(origin + "/sessions");
await card(ren, "h-grants").locator('button[value="approve"]').click();
await ren.waitForURL("**/sessions?done=saved");
await card(ren, "h-grants").locator('button[value="end"]').click();
await ren.waitForURL("**/sessions?done=saved");
assert.equal(await card(ren, "h-grants").locator('button[value="end"]').count(), 0, "what was ended can be ended again");
done("exceptional access asked for by one, approved by another, and ended");

// Persons: an answer before the score.
await ren.goto(origin + "/persons");
await ren.locator("#h-count").waitFor(); // the state is read behind the page's back
await ren.goto(origin + "/persons/review");
assert.doesNotMatch(await ren.locator("main").innerText(), /%|[+-]\d+\.\d/, "the score is shown before the answer");
await ren.fill('form[action="/persons/decide"] input[name="reason"]', "asked the customer");
await ren.click('button[value="different"]');
await ren.locator("#h-fall").waitFor();
assert.match(await ren.locator("main").innerText(), /Kept and recorded: different persons/);
await shoot(ren, "waterfall");
done("a group of records decided, then explained");

// The map: what is most at risk, and what to do.
await ren.goto(origin + "/map");
await ren.locator("#h-places").waitFor(); // the ledger is read behind the page's back
assert.match(await ren.locator('section[aria-labelledby="h-risks"]').innerText(), /shop\/public\.customers/);
await ren.locator(".heat td a").first().click(); // the picture asks
await ren.waitForURL((u) => u.pathname === "/scope" && u.searchParams.get("place") === "shop/public.customers");
assert.ok(await ren.locator('input[name="place"][value="shop/public.customers"]').isChecked());
await ren.goto(origin + "/map");
await ren.locator('section[aria-labelledby="h-places"] th a').first().click();
await ren.locator("#h-history").waitFor();
assert.match(await ren.locator('section[aria-labelledby="h-history"]').innerText(), /personal data was found/);
done("what rests where, the worst first, and what happened to a place");

// A proposal: looked at by one, read and accepted by another.
await ayame.goto(origin + "/map");
await ayame.locator('a[href^="/map/proposal"]').first().click();
await ayame.locator("#h-new").waitFor(); // the database is read behind the page's back
assert.match(await ayame.locator('section[aria-labelledby="h-new"]').innerText(), /public\.letters[^]*電話[^]*%/);
await ayame.click('form[action="/map/propose"] button');
await ayame.waitForURL("**/map?done=handed");
assert.equal(await ayame.locator('form[action="/map/accept"]').count(), 0, "whoever handed it on may accept it");
await ren.goto(origin + "/map");
assert.match(await ren.locator('section[aria-labelledby="h-new"]').innerText(), /public\.letters[^]*a foreign key to public\.customers/);
await ren.click('form[action="/map/accept"] button');
await ren.locator(".receipt-paper").waitFor();
assert.match(await ren.locator(".receipt-paper").innerText(), /1 new table,[^]*accepted by ren/);
await ren.goto(origin + "/map");
assert.equal(await ren.locator('form[action="/map/accept"]').count(), 0, "what was accepted still waits");
assert.match(await ren.locator(".note").first().innerText(), /after the next start/);
done("a proposed protection, handed on by one and accepted by another");

// A policy by two persons.
await ayame.goto(origin + "/policy/edit");
const text = await ayame.locator("#f-text").inputValue();
await ayame.fill("#f-text", text.replace("generation: 1", "generation: 2").replace("[name, email, phone]", "[name, email]"));
await ayame.click('button:not([formaction])[type="submit"] >> text=確かめる');
await ayame.locator("#h-checked").waitFor();
await ayame.click('button[formaction="/policy/propose"]');
await ayame.waitForURL("**/policy?done=proposed");
assert.equal(await ayame.locator('form[action="/policy/publish"]').count(), 0, "the writer may publish");
await ren.goto(origin + "/policy");
await ren.click('form[action="/policy/publish"] button');
await ren.waitForURL("**/policy?done=reloaded");
assert.match(await ren.locator("#h-force").innerText(), /2/);
done("a policy, written by one and published by another");

const rooms = ["/", "/cases", story, story + "/draft/web", "/scope", "/scope?ask=1", "/scope/compare?other_user=app", "/events", "/sessions", "/map", "/map/object?place=shop/public.customers", "/map/proposal?database=shop", "/persons", "/persons/review", "/web", "/web?payment=1", "/egress", "/egress?client=127.0.0.1&to=a.example:443&preview=1", "/policy", "/policy/edit", "/ledger", "/users", "/settings", "/me", "/words", "/wrong"];
const shots = { "/": "today" }; // pictures in both languages
// The figures of a question may come after the page.
const arrived = (page, room) => room === "/scope?ask=1" && page.locator("#h-answer").waitFor();
const findings = [];
await ayame.emulateMedia({ reducedMotion: "reduce" }); // colours do not fade from light to dark
for (const language of ["ja", "en"]) {
  await ayame.goto(origin + "/me");
  const button = ayame.locator(`form[action="/lang"] button[value="${language}"]`);
  if (await button.count()) await button.click();
  for (const room of rooms) {
    await ayame.goto(origin + room);
    await arrived(ayame, room);
    assert.equal(await ayame.locator("html").getAttribute("lang"), language);
    findings.push(...(await inspect(ayame)).map((f) => `${language} ${room}: ${f}`));
    if (shots[room]) await shoot(ayame, shots[room] + "-" + language);
    if (language === "ja") continue;
    await ayame.emulateMedia({ colorScheme: "dark" });
    findings.push(...(await inspect(ayame)).map((f) => `dark ${room}: ${f}`));
    await ayame.emulateMedia({ colorScheme: null });
  }
}
assert.deepEqual(findings, [], "axe-core");
done("every page in both languages and in the dark, without serious findings of axe-core");

// On paper: what the page says, without what leads elsewhere.
await ayame.goto(origin + story);
await ayame.locator("#figures-now table").waitFor();
for (const [room, heads] of [[story, ["#h-clocks", "#h-figures", "#h-next", "#h-roles", "#h-log"]], ["/scope?ask=1", ["#h-answer", "#h-elements", "#h-coverage"]]]) {
  await ayame.goto(origin + room);
  await arrived(ayame, room);
  await ayame.emulateMedia({ media: "print" });
  for (const head of heads) assert.ok(await ayame.locator(head).isVisible(), `${room}: ${head} is not printed`);
  assert.match(await ayame.locator(".three").first().innerText(), /200/, `${room}: the figures are not printed`);
  for (const way of [".top", ".rooms", ".btn", "main form"]) {
    for (const e of await ayame.locator(way).all()) assert.ok(!(await e.isVisible()), `${room}: ${way} is printed`);
  }
  const paper = await ayame.pdf({ format: "A4" });
  assert.ok(paper.subarray(0, 5).toString() === "%PDF-" && paper.length > 10000, `${room}: no paper`);
  await ayame.emulateMedia({ media: null });
}
done("the incident and the scope on paper");

await ayame.setViewportSize({ width: 375, height: 812 });
for (const room of rooms) {
  await ayame.goto(origin + room);
  await arrived(ayame, room);
  const wide = await ayame.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 375, `${room} is ${wide} px wide on a phone`);
}
await ayame.goto(origin + "/");
assert.ok(await ayame.locator("[data-palette]").isVisible(), "a phone has no palette");
done("every page on a phone");

await ayame.setViewportSize({ width: 1280, height: 900 });
await byKeyboard(ayame, origin, story);
done("by keyboard: jump, something is wrong, take the first task");

await ayame.goto(origin + "/me");
assert.equal(await card(ayame, "h-own-sessions").locator("li").count(), 1);
await ayame.locator('form[action="/me/renew"] input[name="password"]').first().fill(password);
await ayame.locator('form[action="/me/renew"] input[name="code"]').first().fill(code(secret, 1));
await ayame.fill('form[action="/me/renew"] input[name="new"]', "toki no nagare no mama");
await ayame.locator('form[action="/me/renew"] button').first().click();
await ayame.waitForURL("**/me?done=renewed");
await ayame.goto(origin + "/events?kind=account");
assert.match(await ayame.locator("main table").innerText(), /password/);
done("one's own sessions, and another password");

const client = await ayame.context().newCDPSession(ayame);
await client.send("WebAuthn.enable");
await client.send("WebAuthn.addVirtualAuthenticator", {
  options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
});
await ayame.goto(origin + "/me");
await ayame.fill("#f-passkey", "phone");
await ayame.click('[data-passkey="add"] button');
await ayame.waitForURL("**/me?done=saved");
await ayame.click('form[action="/logout"] button');
await ayame.waitForURL("**/login");
await ayame.click('[data-passkey="login"] button');
await ayame.waitForURL(origin + "/");
done("a passkey made, and entered with");

assert.deepEqual(said, [], "errors in the browser");
await b.close();
done("no error in any page");
