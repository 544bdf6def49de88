import { randomUUID } from 'node:crypto';
import {
  collectTableStats,
  deleteTableStats,
  tableStats,
  toWireTableStats,
} from '../../api/qserv/controller/table-stats';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import { IngestError } from '../../ingest/core/errors';
import { type Route, route } from '../http/route';
import { listing, type TableFailure } from './failures';

/** Row counters, docs/contract/controller.md §12. */
export function tableStatsRoutes(controller: Controller): Route[] {
  return [
    route(collectTableStats, async ({ body }) => {
      const { database, table, overlap_selector: overlap, row_counters_state_update_policy: policy } = body;
      await listing<TableFailure, unknown>(
        (workers) => countersFailed({ operation: 'Scan table row counters.', job_id: randomUUID(), workers }),
        {},
        () => controller.collectRowCounters(database, table, { overlap, policy, forceRescan: body.force_rescan }),
      );
      if (body.row_counters_deploy_at_qserv) await deploy(controller, database, table);
      return {};
    }),
    route(tableStats, async ({ params: { database, table } }) =>
      toWireTableStats(database, table, await controller.rowCounters(database, table)),
    ),
    route(deleteTableStats, async ({ params: { database, table }, body }) => {
      const { qserv_only: qservOnly, overlap_selector: overlap } = body;
      await controller.deleteRowCounters(database, table, { qservOnly, overlap });
      return {};
    }),
  ];
}

async function deploy(controller: Controller, database: string, table: string): Promise<void> {
  try {
    await controller.deployRowCounters(database, table);
  } catch (error) {
    if (!(error instanceof IngestError)) throw error;
    throw countersFailed({ operation: 'Deploy table row counters in Qserv.', error: error.message });
  }
}

/** Counting, or giving Qserv the counts, failed; `ext` says what. */
export function countersFailed(ext: Record<string, unknown>): Refusal {
  return new Refusal('E', 'Table rows scanning/deployment failed.', ext);
}
