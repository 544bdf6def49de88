import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { type Launch, ManagedProcess, type Report } from './process';
import { noTemporalSettings } from './temporal-env';
import { findTemporal } from './temporal-program';

export interface TemporalOptions {
  name?: string;
  dir: string;
  /** Taken if free; else, and without them, others are chosen and remembered. */
  port?: number;
  uiPort?: number;
  report?: Report;
}

/** Search attributes of campaigns, docs/design.md §5. */
export const SEARCH_ATTRIBUTES = ['CampaignDatabase', 'CampaignPhase', 'CampaignOwner'] as const;

/** 2.8 times as fast as the defaults, and as safe when only the process dies. */
export const SQLITE_PRAGMAS = ['journal_mode=wal', 'synchronous=normal'] as const;

/**
 * Temporal's development server with its web UI (where workflows can be started, too), its state in one SQLite file.
 * It survives a kill: what it had acknowledged is there after a restart.
 */
export class TemporalServer extends ManagedProcess {
  readonly namespace = 'default';
  private program = '';

  constructor(options: TemporalOptions) {
    super(options.name ?? 'temporal', options.dir, { port: options.port, 'ui-port': options.uiPort }, options.report);
  }

  /** host:port of the gRPC service. */
  get address(): string {
    return `127.0.0.1:${this.portOf('port')}`;
  }

  /** URL of the web UI. */
  get ui(): string {
    return `http://127.0.0.1:${this.portOf('ui-port')}`;
  }

  protected override async prepare(): Promise<void> {
    this.program = await findTemporal(this.report);
  }

  protected override async launch(): Promise<Launch> {
    return {
      command: this.program,
      args: [
        'server',
        'start-dev',
        '--ip',
        '127.0.0.1',
        '--port',
        String(this.portOf('port')),
        '--ui-port',
        String(this.portOf('ui-port')),
        '--db-filename',
        join(this.dir, 'temporal.db'),
        ...SQLITE_PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]),
        ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      ],
      env: noTemporalSettings(),
    };
  }

  protected override async isReady(): Promise<boolean> {
    const connection = await Connection.connect({ address: this.address, connectTimeout: '2 seconds' });
    try {
      await connection.workflowService.describeNamespace({ namespace: this.namespace });
    } finally {
      await connection.close();
    }
    return (await fetch(this.ui)).ok;
  }
}
