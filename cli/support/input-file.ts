import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Campaign, parseCampaignInput } from '../../api/campaign/input';
import { CommandError, EXIT } from './exit';

export interface InputFile {
  /** Folder of the file. */
  folder: string;
  /** As it goes to the workflow: without a `base` of its own, relative paths start from the file's folder. */
  input: Record<string, unknown>;
  campaign: Campaign;
}

/** Reads a campaign file and checks its form. Errors: INVALID_INPUT with every fault by its path. */
export function readInputFile(path: string): InputFile {
  const folder = dirname(path);
  const json = parse(path);
  const input = { base: `${pathToFileURL(folder).href}/`, ...(json as object) };
  return { folder, input, campaign: parseCampaignInput(isObject(json) ? input : json) };
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CommandError(EXIT.input, 'INVALID_INPUT', `cannot read ${path}: ${(error as Error).message}`);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
