import type { Command } from 'commander';
import type { Environment } from './support/environment';
import { messageCommand } from './support/send';

export function abortCommand(environment: Environment): Command {
  return messageCommand(environment, {
    name: 'abort',
    description: 'stop a campaign for a stated reason; its open super-transactions are aborted',
    sent: 'asked to abort',
    ends: true,
    send: (handle, { reason }) => handle.signal('abort', reason ?? ''),
  }).option('--reason <text>', 'why, for the record');
}
