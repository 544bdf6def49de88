import type { Contribution } from '../../ingest/core/contributions';
import { DEFAULT_DIALECT } from '../../ingest/core/dialect';
import type { Metadata } from '../../ingest/storage/metadata';

/** What a test says of a contribution. */
export type PutContribution = Partial<Omit<Contribution, 'id'>> &
  Pick<Contribution, 'transactionId' | 'database' | 'table' | 'worker'>;

/** Records a contribution as it would be found after it was made, and returns it. */
export async function putContribution(metadata: Metadata, given: PutContribution): Promise<Contribution> {
  const c: Omit<Contribution, 'id'> = {
    chunk: 0,
    overlap: false,
    url: 'https://data.example.org/a.csv',
    http: { method: 'GET', data: '', headers: [] },
    charset: 'latin1',
    dialect: { ...DEFAULT_DIALECT },
    isAsync: false,
    maxRetries: 0,
    numFailedRetries: given.failedRetries?.length ?? 0,
    failedRetries: [],
    bytes: 0,
    rows: 0,
    createTime: 1,
    startTime: 0,
    readTime: 0,
    loadTime: 0,
    status: 'IN_PROGRESS',
    tmpFile: '',
    httpError: 0,
    systemError: 0,
    error: '',
    retryAllowed: false,
    maxNumWarnings: 64,
    numWarnings: given.warnings?.length ?? 0,
    warnings: [],
    rowsLoaded: 0,
    ...given,
  };
  const id = await metadata.transaction(async (tx) => {
    const [row] = await tx<{ id: number }[]>`
      INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url, type,
        max_retries, num_failed_retries, num_bytes, num_rows, create_time, start_time, read_time, load_time, status, tmp_file,
        num_warnings, num_rows_loaded, http_error, system_error, error, retry_allowed)
      VALUES (${c.transactionId}, ${c.worker}, ${c.database}, ${c.table}, ${c.chunk}, ${c.overlap}, ${c.url},
        ${c.isAsync ? 'ASYNC' : 'SYNC'}, ${c.maxRetries}, ${c.numFailedRetries}, ${c.bytes}, ${c.rows}, ${c.createTime},
        ${c.startTime}, ${c.readTime}, ${c.loadTime}, ${c.status}, ${c.tmpFile}, ${c.numWarnings}, ${c.rowsLoaded},
        ${c.httpError}, ${c.systemError}, ${c.error}, ${c.retryAllowed}) RETURNING id`;
    const { id: made } = row as { id: number };
    const extensions: [string, string][] = [
      ['max_num_warnings', String(c.maxNumWarnings)],
      ['fields_terminated_by', c.dialect.fieldsTerminatedBy],
      ['fields_enclosed_by', c.dialect.fieldsEnclosedBy],
      ['fields_escaped_by', c.dialect.fieldsEscapedBy],
      ['lines_terminated_by', c.dialect.linesTerminatedBy],
      ['charset_name', c.charset],
      ['http_method', c.http.method],
      ['http_data', c.http.data],
      ...c.http.headers.map((header): [string, string] => ['http_headers', header]),
    ];
    for (const [key, val] of extensions) {
      await tx`INSERT INTO qserv.transaction_contrib_ext (contrib_id, key, val) VALUES (${made}, ${key}, ${val})`;
    }
    for (const [pos, w] of c.warnings.entries()) {
      await tx`INSERT INTO qserv.transaction_contrib_warn (contrib_id, pos, level, code, message)
        VALUES (${made}, ${pos}, ${w.level}, ${w.code}, ${w.message})`;
    }
    for (const r of c.failedRetries) {
      await tx`INSERT INTO qserv.transaction_contrib_retry (contrib_id, num_bytes, num_rows, start_time, read_time, tmp_file,
          http_error, system_error, error)
        VALUES (${made}, ${r.bytes}, ${r.rows}, ${r.startTime}, ${r.readTime}, ${r.tmpFile}, ${r.httpError},
          ${r.systemError}, ${r.error})`;
    }
    return made;
  });
  return { id, ...c };
}
