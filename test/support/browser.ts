import { type Browser, chromium } from 'playwright-core';
import { findChromium } from '../../dev/chromium';

/** Headless Chromium without its own traffic, installed if it is missing. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await findChromium((message) => console.error(message));
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
