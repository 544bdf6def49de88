import { refusalOf } from '../../api/qserv/faults';
import { Refusal } from '../../api/qserv/refusal';
import { type DataFields, dataFields, loadRows } from '../../api/qserv/worker/data';
import { bodyChunks } from '../http/body';
import { checkKeys, type ServiceKeys } from '../http/keys';
import type { Call } from '../http/route';
import { checkVersion } from '../http/version';
import { JsonBody } from './json-body';
import { UPLOAD_LIMITS, type UploadLimits } from './services';
import type { Spool } from './spool';

const WANTED = new Set([...Object.keys(dataFields.shape), 'auth_key', 'admin_auth_key', 'version']);

/**
 * Reads requests that carry JSON rows, docs/contract/worker.md §2. Keys and parameters may come behind the rows, so these go into a
 * spool. Checks in the contract's order: the body, keys, version, parameters, rows.
 */
export class RowsRequests {
  private readonly limits: UploadLimits;
  /** Bytes in spools of requests whose key has not come. */
  private keylessBytes = 0;

  constructor(
    private readonly keys: ServiceKeys,
    limits: Partial<UploadLimits> = {},
  ) {
    this.limits = { ...UPLOAD_LIMITS, ...limits };
  }

  async read({ raw, warn }: Call<typeof loadRows>, spool: Spool): Promise<DataFields> {
    const body = new JsonBody(WANTED);
    // A real server does not look at other bodies; then the keys are missing.
    if (/^application\/json(\s*;|$)/i.test(raw.headers['content-type'] ?? '')) {
      let keyless = 0;
      try {
        for await (const chunk of bodyChunks(raw.raw)) keyless = await this.take(chunk, body, spool, keyless);
      } finally {
        this.keylessBytes -= keyless;
      }
    }
    body.end();
    this.checkKeys(body);
    checkVersion(loadRows, raw.query as Record<string, unknown>, body.fields, warn);
    const parsed = dataFields.safeParse(body.fields);
    if (!parsed.success) throw refusalOf(parsed.error.issues, 'body', body.fields);
    checkRows(body);
    return parsed.data;
  }

  /** Takes the next piece of a body; returns the number of its bytes that wait for a key. */
  private async take(chunk: Buffer, body: JsonBody, spool: Spool, keyless: number): Promise<number> {
    const { rows, restart } = body.write(chunk);
    if (restart) spool.clear();
    const key = this.keyOf(body);
    // With a wrong one, the rest is read only to be answered in the contract's order.
    if (key !== 'wrong') for (const piece of rows) await spool.write(piece);
    if (spool.bytes > this.limits.jsonBytes) {
      throw new Refusal('P', `the rows of the request are too large: more than ${this.limits.jsonBytes} bytes`);
    }
    const waiting = key === 'none' ? spool.bytes : 0;
    this.keylessBytes += waiting - keyless;
    // Whoever has no key fills no disk.
    if (waiting > 0 && this.keylessBytes > this.limits.keylessBytes) {
      // The caller gives back what was counted before this piece.
      this.keylessBytes -= waiting - keyless;
      this.checkKeys(body);
    }
    return waiting;
  }

  private keyOf(body: JsonBody): 'none' | 'right' | 'wrong' {
    if (body.fields.auth_key === undefined && body.fields.admin_auth_key === undefined) return 'none';
    try {
      this.checkKeys(body);
      return 'right';
    } catch {
      return 'wrong';
    }
  }

  private checkKeys({ fields }: JsonBody): void {
    checkKeys(fields, this.keys, loadRows.component);
  }
}

function checkRows({ rows }: JsonBody): void {
  if (rows === 'missing') throw new Refusal('E', 'a collection of rows is missing in the request');
  if (rows === 'other') throw new Refusal('E', 'a collection of rows found in the request is not the JSON array');
  if (rows === 'empty') throw new Refusal('E', 'a collection of rows in the request is empty');
}
