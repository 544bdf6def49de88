import { aptInstall } from './apt';
import type { Report } from './process';
import { findProgram } from './programs';

const REMEDY = 'install Chromium, for example: sudo apt-get install chromium';

const locate = () => findProgram('chromium') ?? findProgram('chromium-browser') ?? findProgram('google-chrome');

/** Path of the installed Chromium, else of one from apt-get. Errors name the remedy. */
export async function findChromium(report: Report): Promise<string> {
  const installed = locate();
  if (installed) return installed;
  await aptInstall('Chromium', ['chromium'], REMEDY, report);
  const found = locate();
  if (!found) throw new Error(`apt-get ran, but chromium is still missing; ${REMEDY}`);
  return found;
}
