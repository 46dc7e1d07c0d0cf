/**
 * The console as people use it: a real Chromium, a real Nightjar with a camera of the demo. NIGHTJAR_SCREENSHOTS=1 also writes the
 * pictures of docs/console.md, with the whole demo behind them.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ZoneView } from "../../services/supervisor/zones.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { waitUntil } from "../support/wait.ts";
import { barriers, DESK, launch, noBrowser, openPage, PHONE, scrollsSideways } from "./support/browser.ts";
import { addUser } from "./support/users.ts";

const isForDocs = process.env["NIGHTJAR_SCREENSHOTS"] === "1";
const highway = demoCameras.find(({ id }) => id === "highway")!;
const camerasOfTheDocs = [
  { id: "avenue", name: "Avenue" },
  { id: "bus-stop", name: "Bus stop" },
  { id: "junction", name: "Junction" },
].map((camera) => ({ ...camera, source: demoCameras.find(({ id }) => id === camera.id)!.source }));
const PASSWORD = "a long and quiet evening";

let nightjar: Nightjar;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let mistakes: string[];
const folders: string[] = [];

if (noBrowser !== undefined) console.warn(`test/console is skipped: ${noBrowser}`);

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  const [bundles, state] = [bundlesWithAnother(), temporaryFolder("state")];
  nightjar = await Nightjar.start({
    device: { id: "test", name: "Crossing 7" },
    cameras: isForDocs ? camerasOfTheDocs : [],
    zones: { enabled: true },
    evidence: { enabled: true },
    directories: { bundles, state },
  });
  [browser] = await Promise.all([
    launch(),
    nightjar.untilStatus("the console", ({ console }) => console !== null, 60_000),
  ]);
  await addUser(nightjar, "olga", "operator", PASSWORD);
  await addUser(nightjar, "vera", "viewer", PASSWORD);
  context = await browser.newContext({
    baseURL: await address(),
    viewport: DESK,
    colorScheme: "light",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(15_000);
  ({ page, mistakes } = await openPage(context));
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await nightjar?.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Gone at the end. */
function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `nightjar-${name}-`));
  folders.push(folder);
  return folder;
}

/** The bundles of the demo, and one more detector: the same model, another version. */
function bundlesWithAnother(): string {
  const folder = temporaryFolder("bundles");
  for (const name of ["street", "bytetrack", "zones"]) symlinkSync(resolve("build/bundles", name), join(folder, name));
  const next = join(folder, "street-next");
  cpSync(resolve("build/bundles/street"), next, { recursive: true });
  const manifest = join(next, "bundle.yaml");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace("version: 1.0.0", "version: 1.1.0"));
  return folder;
}

async function address(): Promise<string> {
  return (await nightjar.status()).console!;
}

/** Of the documentation, when asked for. */
async function screenshot(name: string, of: Page = page): Promise<void> {
  if (!isForDocs) return;
  // The notices of what was done before are not of the picture.
  for (const close of await of.getByRole("button", { name: "Dismiss" }).all()) await close.click();
  await of.waitForTimeout(1500);
  await of.screenshot({ path: `docs/images/console-${name}.jpg`, type: "jpeg", quality: 78 });
}

async function logIn(who: Page, user: string): Promise<void> {
  await who.getByLabel("User").fill(user);
  await who.getByLabel("Password").fill(PASSWORD);
  await who.getByRole("button", { name: "Log in" }).click();
}

const zones = () => nightjar.ask<ZoneView[]>("GET", "/api/zones");

describe.skipIf(noBrowser !== undefined)("the console in a browser", () => {
  it("lets nobody in without a password, and says so", async () => {
    await page.goto("/#/cameras");
    await page.getByLabel("User").fill("olga");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page
      .getByRole("alert")
      .filter({ hasText: /password|user/i })
      .waitFor();
    expect(await barriers(page)).toEqual([]);
    await logIn(page, "olga");
    await page.getByRole("heading", { name: "Cameras" }).waitFor();
  });

  it("adds a camera: what is wrong is said at its field, then its picture comes", async () => {
    await page.getByRole("button", { name: "Add camera" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add a camera" });
    await dialog.getByLabel("ID").fill("highway");
    await dialog.getByLabel("Name").fill("Highway");
    await dialog.getByLabel("Kind").selectOption("file");
    await dialog.getByRole("button", { name: "Add camera" }).click();
    await dialog.locator("[data-key='source.path']").getByText("missing").waitFor();
    expect(await barriers(page)).toEqual([]);
    await dialog.getByLabel("File").fill(highway.source.path);
    await dialog.getByRole("button", { name: "Add camera" }).click();
    const card = page.getByRole("article").filter({ hasText: "Highway" });
    await card.getByText("playing").waitFor({ timeout: 40_000 });
    await waitUntil(
      "a picture in the card",
      () => card.locator("img").evaluate((image) => (image as HTMLImageElement).naturalWidth > 100),
      20_000,
    );
    await card
      .getByText(/car|truck|bus/)
      .first()
      .waitFor({ timeout: 30_000 });
    await screenshot("cameras");
  }, 90_000);

  it("draws a line with the mouse, moves its end with the keyboard, and sees a crossing counted", async () => {
    await page.getByRole("link", { name: "Highway" }).click();
    await page.getByRole("link", { name: "Zones" }).click();
    await page.getByRole("button", { name: "Add line" }).click();
    const box = (await page.locator(".zone-canvas").boundingBox())!;
    const at = (x: number, y: number) => [box.x + box.width * x, box.y + box.height * y] as const;
    await page.mouse.move(...at(0.05, 0.6));
    await page.mouse.down();
    await page.mouse.move(...at(0.3, 0.57), { steps: 5 });
    await page.mouse.move(...at(0.42, 0.55), { steps: 5 });
    await page.mouse.up();
    await page.getByLabel("Name").fill("south");
    await page.getByRole("button", { name: /^Point 1 of 2/ }).focus();
    for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowUp");
    await screenshot("zones");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("listitem").filter({ hasText: "south" }).waitFor();

    const [{ zone } = { zone: undefined }] = await zones();
    expect(zone).toMatchObject({ name: "south", type: "line" });
    const [[x1, y1] = [], [x2, y2] = []] = zone!.points as number[][];
    for (const [value, expected] of [
      [x1, 0.05],
      [y1, 0.55],
      [x2, 0.42],
      [y2, 0.55],
    ] as const)
      expect(value).toBeCloseTo(expected, 2);

    await page.getByRole("link", { name: "Events" }).last().click();
    await page
      .getByText(/crossed “south” in \(\d+\)/)
      .first()
      .waitFor({ timeout: 60_000 });
    await screenshot("camera");
  }, 120_000);

  it("says at the field what the server does not take", async () => {
    await page.goto("/#/camera/highway/zones");
    await page.getByRole("button", { name: "Change south" }).click();
    await page.getByText("More", { exact: true }).click();
    await page.getByLabel("Margin").fill("much");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("[data-key=margin] .field-error").filter({ hasText: "expected" }).waitFor();
    expect(await page.getByLabel("Margin").evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await barriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Cancel" }).click();
  });

  it("draws a region with a finger on a phone, takes a point away with the keyboard, and deletes it", async () => {
    const phone = await browser.newContext({
      baseURL: await address(),
      viewport: PHONE,
      hasTouch: true,
      isMobile: true,
    });
    const { page: touched } = await openPage(phone);
    await touched.goto("/#/camera/highway/zones");
    await logIn(touched, "olga");
    await touched.getByRole("button", { name: "Add region" }).tap();
    const box = (await touched.locator(".zone-canvas").boundingBox())!;
    for (const [x, y] of [
      [0.5, 0.2],
      [0.8, 0.4],
      [0.8, 0.8],
      [0.5, 0.6],
    ] as const)
      await touched.touchscreen.tap(box.x + box.width * x, box.y + box.height * y);
    await touched.getByRole("button", { name: "Done" }).tap();
    await touched.getByRole("button", { name: /^Point 1 of 4/ }).press("Delete");
    await touched.getByRole("button", { name: "Save" }).tap();
    await touched.getByRole("button", { name: "Change region 1" }).waitFor();
    const region = (await zones()).find(({ zone }) => zone.name === "region 1");
    expect(region?.zone).toMatchObject({
      type: "region",
      points: [
        [0.8, expect.closeTo(0.4, 1)],
        [0.8, expect.closeTo(0.8, 1)],
        [0.5, expect.closeTo(0.6, 1)],
      ],
    });
    await touched.getByRole("button", { name: "Change region 1" }).tap();
    await touched.getByRole("button", { name: "Delete", exact: true }).tap();
    await touched.getByRole("dialog").getByRole("button", { name: "Delete" }).tap();
    await touched.getByText("“region 1” is deleted.").waitFor();
    expect((await zones()).map(({ zone }) => zone.name)).toEqual(["south"]);
    await phone.close();
  }, 60_000);

  it("swaps a bundle beside the running one, and rolls it back", async () => {
    await page.goto("/#/bundles");
    const detector = page.locator("[data-element=infer]");
    await detector.getByText("street 1.0.0").first().waitFor();
    await detector.getByRole("button", { name: /^Activate/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Bundle").selectOption({ label: "street 1.1.0 (street-next)" });
    await dialog.getByLabel("Shadow run").fill("2");
    await dialog.getByLabel("Probation").fill("1");
    expect(await barriers(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Activate" }).click();
    await detector.getByText(/street 1\.1\.0: /).waitFor();
    const last = detector.locator(".last").filter({ hasText: "street 1.1.0" });
    await last.waitFor({ timeout: 90_000 });
    expect(await last.textContent()).toContain("street 1.1.0 serves");
    await detector.getByText("agreement", { exact: true }).waitFor();
    await screenshot("bundles");
    await detector.getByRole("button", { name: "Roll back to street 1.0.0" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await detector.locator(".active-bundle").filter({ hasText: "street 1.0.0" }).waitFor({ timeout: 60_000 });
  }, 150_000);

  it("shows the rest of the device", async () => {
    await page.goto("/#/charts");
    await page
      .getByText("looked at")
      .or(page.getByText(/Highway \d/))
      .first()
      .waitFor();
    await screenshot("charts");
    await page.goto("/#/events");
    await page.getByText(VIEWS["events"]!).first().waitFor();
    await screenshot("events");
    await page.goto("/#/system");
    await page.getByText("free of").first().waitFor();
    await screenshot("system");
    await page.goto("/#/log");
    await page
      .getByText(/is playing/)
      .first()
      .waitFor();
    await page.goto("/#/updates");
    await page.getByText("No repository is configured").waitFor();
  });

  it("has no barriers in any view, light and dark, and none of them scrolls sideways on a phone", async () => {
    const problems: string[] = [];
    const look = async (view: string, rules?: readonly string[]) =>
      problems.push(...(await barriers(page, rules)).map((barrier) => `${view}: ${barrier}`));
    for (const [view, ready] of Object.entries(VIEWS)) {
      await page.goto(`/#/${view}`);
      await page.getByText(ready).first().waitFor({ timeout: 60_000 });
      await look(view);
      await page.emulateMedia({ colorScheme: "dark" });
      // Of a theme, only the colours differ.
      await look(`${view}, dark`, ["color-contrast"]);
      await page.setViewportSize(PHONE);
      if (await scrollsSideways(page)) problems.push(`${view} scrolls sideways`);
      await page.setViewportSize(DESK);
      await page.emulateMedia({ colorScheme: "light" });
    }
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize(PHONE);
    await page.goto("/#/cameras");
    await page.getByRole("article").first().waitFor();
    await screenshot("phone");
    await page.setViewportSize(DESK);
    await screenshot("dark");
    await page.emulateMedia({ colorScheme: "light" });
    expect(problems).toEqual([]);
  }, 180_000);

  it("gives a viewer nothing that changes, in the page and in the server", async () => {
    const other = await browser.newContext({ baseURL: await address(), viewport: DESK });
    const { page: viewer } = await openPage(other);
    await viewer.goto("/#/cameras");
    await logIn(viewer, "vera");
    await viewer.getByRole("article").first().waitFor();
    for (const view of ["cameras", "camera/highway/zones", "camera/highway/settings", "bundles", "updates", "log"]) {
      await viewer.goto(`/#/${view}`);
      await viewer
        .getByText(VIEWS[view] ?? /./)
        .first()
        .waitFor();
      const names = await viewer
        .getByRole("button")
        .evaluateAll((buttons) => buttons.map((button) => button.ariaLabel ?? button.textContent));
      expect(
        names.filter((name) => !/^Colours|^Log out/.test(name ?? "")),
        view,
      ).toEqual([]);
    }
    const headers = { "x-nightjar": "console" };
    const answer = await other.request.delete("/api/cameras/highway", { headers });
    expect(answer.status()).toBe(403);
    await other.close();
  });

  it("asks again who is there when the session has ended, and comes back to the place", async () => {
    await page.goto("/#/bundles");
    await page.getByText("Installed bundles").waitFor();
    await context.request.post("/api/logout", {
      headers: { "x-nightjar": "console", origin: new URL(await address()).origin },
    });
    await page.getByText("The session has ended").waitFor({ timeout: 20_000 });
    await logIn(page, "olga");
    await page.getByText("Installed bundles").waitFor();
    expect(page.url()).toMatch(/#\/bundles$/);
  });

  it("removes a camera after asking", async () => {
    await page.goto("/#/camera/highway/settings");
    await page.getByRole("button", { name: "Remove this camera" }).click();
    await page.getByRole("dialog", { name: "Remove “Highway”?" }).getByRole("button", { name: "Remove" }).click();
    await page.getByText("Camera “Highway” was removed.").waitFor();
    expect((await nightjar.status()).cameras.some(({ id }) => id === "highway")).toBe(false);
  });

  it("made no mistake meanwhile", () => {
    expect(mistakes).toEqual([]);
  });
});

/** Each view, and what is there when it has what it shows. */
const VIEWS: Readonly<Record<string, string | RegExp>> = {
  cameras: "Highway",
  "camera/highway": "In the picture",
  "camera/highway/events": /#\d+ (crossed|appeared|left)/,
  "camera/highway/zones": "south",
  "camera/highway/course": "Latency from capture to publish",
  "camera/highway/settings": "Last packet",
  events: /#\d+ (crossed|appeared|left)/,
  charts: "Frames per second",
  bundles: "Installed bundles",
  updates: "No repository is configured",
  system: "free of",
  log: /is playing/,
  doctor: /Nothing that Nightjar needs is missing|missing/,
};
