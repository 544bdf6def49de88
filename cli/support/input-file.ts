import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Campaign, parseCampaignInput } from '../../api/campaign/input';
import { parseRepublishRequest } from '../../api/campaign/republish';
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
  const input = withBase(json, folder);
  return { folder, input, campaign: parseCampaignInput(isObject(json) ? input : json) };
}

/**
 * Reads a request to republish, from standard input when `path` is undefined, and checks its form. Without a `base` relative
 * paths start from the file's folder, or from `folder`. `more` is added to it. Errors: INVALID_INPUT with every fault by its path.
 */
export function readRequestFile(
  path: string | undefined,
  folder: string,
  more: Record<string, unknown>,
): Record<string, unknown> {
  const json = parse(path);
  const request = { ...withBase(json, path === undefined ? folder : dirname(path)), ...more };
  parseRepublishRequest(isObject(json) ? request : json);
  return request;
}

function withBase(json: unknown, folder: string): Record<string, unknown> {
  return { base: `${pathToFileURL(folder).href}/`, ...(json as object) };
}

/** JSON of a file, or of standard input. */
function parse(path: string | undefined): unknown {
  try {
    return JSON.parse(readFileSync(path ?? 0, 'utf8'));
  } catch (error) {
    const from = path ?? 'standard input';
    throw new CommandError(EXIT.input, 'INVALID_INPUT', `cannot read ${from}: ${(error as Error).message}`);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
