// The console by keyboard alone. Used by story.mjs.
import assert from "node:assert/strict";

// byKeyboard jumps with the palette, then goes from the first screen to a case
// that somebody took, with nothing but the keyboard.
export async function byKeyboard(page, origin, story) {
  await page.goto(origin + "/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("ledger");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/ledger");
  // The palette begins what can be done, and looks for what was typed.
  const command = async (typed, key) => {
    await page.keyboard.press("Control+k");
    await page.keyboard.type(typed);
    for (const k of key) await page.keyboard.press(k);
  };
  await command("cut a dest", ["Enter"]);
  await page.waitForURL("**/egress#h-cuts");
  await command(story.split("/").pop(), ["ArrowDown", "ArrowDown", "ArrowDown", "Enter"]);
  await page.waitForURL((u) => u.pathname === story);
  await command("127.0.0.1", ["Enter"]);
  await page.waitForURL((u) => u.pathname === "/events" && u.searchParams.get("text") === "127.0.0.1");
  await command("日本語", ["Enter"]);
  await page.locator('html[lang="ja"]').waitFor();
  await page.locator("[data-palette]").click();
  await page.keyboard.type("誰にも当たらない言葉 です");
  assert.match(await page.locator("#palette").innerText(), /記録を探す：\s*誰にも当たらない言葉 です/);
  await page.keyboard.press("Escape");
  await command("english", ["Enter"]);
  await page.locator('html[lang="en"]').waitFor();
  // Nothing but the keyboard, from the first screen to the case that was taken.
  const tabTo = async (selector) => {
    for (let i = 0; i < 200; i++) {
      await page.keyboard.press("Tab");
      const there = await page.evaluate((s) => document.activeElement.matches(s), selector);
      if (there) return assert.ok(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none"), `${selector}: the focus is not seen`);
    }
    assert.fail(`${selector} cannot be reached by keyboard`);
  };
  await page.goto(origin + "/");
  await tabTo('.alarm a[href="/wrong"]');
  await page.keyboard.press("Enter");
  await page.waitForURL("**/wrong");
  await tabTo("#f-what");
  await page.keyboard.type("レジの画面が動かない");
  await tabTo('form[action="/wrong"] button');
  await page.keyboard.press("Enter");
  await page.waitForURL("**/cases/**");
  await tabTo('form[action$="/task"] button');
  await page.keyboard.press("Enter");
  await page.waitForURL("**?done=saved");
  assert.match(await page.locator(".timeline").innerText(), /ayame/);
}
