import { DEFAULT_DIALECT } from '../../ingest/core/dialect';
import { openSource, type SourceRules } from '../../ingest/source';
import type { ContributionSource } from '../../ingest/worker/worker';

/** Reads a whole source by these rules. */
export async function readText(source: Partial<ContributionSource>, rules: Partial<SourceRules> = {}): Promise<string> {
  const whole = { url: '', dialect: DEFAULT_DIALECT, charset: '', ...source };
  const opened = await openSource(whole, { roots: {}, stallSeconds: 5, ...rules });
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of opened.stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  } finally {
    await opened.close();
  }
}
