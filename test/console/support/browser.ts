/** A real browser on a real Nightjar, as a person has it. */
import { existsSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Debian's package; there is no such package on Ubuntu, only a snap, which does not run in containers. */
const CHROMIUM = "/usr/bin/chromium";

/** Why no browser can be started; undefined: it can. */
export const noBrowser = existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is missing (apt-get install chromium)`;

export const DESK = { width: 1360, height: 860 };
/** The narrowest phones that are about. */
export const PHONE = { width: 360, height: 740 };

export function launch(): Promise<Browser> {
  // The sandbox wants a user who is not root; the page is our own. Without /dev/shm as in containers.
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

/** A page whose mistakes are collected: errors that no code caught, and what the content policy refused. */
export async function openPage(context: BrowserContext): Promise<{ page: Page; mistakes: string[] }> {
  const page = await context.newPage();
  const mistakes: string[] = [];
  page.on("pageerror", (error) => mistakes.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    // Answers of 4xx are logged by the browser; tests ask for some.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      mistakes.push(message.text());
  });
  return { page, mistakes };
}

/**
 * What axe finds that keeps somebody from using the page: "rule: where".
 * @param rules only these; all when left out
 */
export async function barriers(page: Page, rules?: readonly string[]): Promise<string[]> {
  // One frame, and only what is wrong: a fifth of the time that a whole report takes.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({
    resultTypes: ["violations"],
    ...(rules === undefined ? {} : { runOnly: { type: "rule", values: [...rules] } }),
  });
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
    );
}

/** Whether the page is wider than the window. */
export function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}
