// The picture over time that is read closely. Used by story.mjs.
import assert from "node:assert/strict";
import { inspect } from "./people.mjs";

// chooseTime reads the picture under the pointer, drags across a part of it, and asks
// again for that time alone.
export async function chooseTime(page, origin) {
  await page.goto(origin + "/scope?ask=1");
  assert.equal(await page.locator("script[src*=uplot]").count(), 0, "the library comes although nobody asked for it");
  const button = page.locator("[data-zoom]");
  await button.click();
  const over = page.locator("#zoom .u-over");
  await over.waitFor();
  assert.equal(await button.getAttribute("aria-expanded"), "true");
  await over.scrollIntoViewIfNeeded();
  const at = await over.boundingBox();
  const middle = at.y + at.height / 2;
  await page.mouse.move(at.x + at.width * 0.999, middle);
  const figures = await page.locator("#zoom .u-legend").innerText();
  assert.match(figures, /\d/, `nothing is read: ${figures}`);
  for (const colorScheme of ["dark", null]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" }); // colours do not fade from light to dark
    assert.deepEqual(await inspect(page), [], "axe-core");
  }
  await page.mouse.move(at.x + at.width * 0.25, middle);
  await page.mouse.down();
  await page.mouse.move(at.x + at.width * 0.75, middle, { steps: 5 });
  await page.mouse.up();
  const link = page.locator("#zoom .zoom-ask a");
  await link.waitFor();
  const bars = JSON.parse(await page.locator("#zoom").getAttribute("data-bars"));
  await link.click();
  await page.waitForURL((u) => u.pathname === "/scope" && u.searchParams.get("from") && u.searchParams.get("to"));
  await page.locator("#h-answer").waitFor();
  const asked = new URL(page.url()).searchParams;
  const [from, to] = ["from", "to"].map((name) => Date.parse(asked.get(name)) / 1000);
  assert.ok(bars.at[0] <= from && from < to && to <= bars.end && to - from <= Math.ceil((bars.end - bars.at[0]) * 0.75) + 1, `asked for ${from} to ${to} of ${bars.at[0]} to ${bars.end}`);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
