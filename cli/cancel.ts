import type { Command } from 'commander';
import type { Environment } from './support/environment';
import { messageCommand } from './support/send';

export function cancelCommand(environment: Environment): Command {
  return messageCommand(environment, {
    name: 'cancel',
    description: 'stop a campaign; its open super-transactions are aborted',
    sent: 'asked to cancel',
    ends: true,
    send: (handle) => handle.cancel(),
  });
}
