import type { Command } from 'commander';
import type { Environment } from './support/environment';
import { messageCommand } from './support/send';

export function skipCommand(environment: Environment): Command {
  return messageCommand(environment, {
    name: 'skip',
    description: 'give up the held units of a campaign and go on without them',
    sent: 'held units are given up',
    whenHeld: true,
    send: (handle) => handle.signal('skip'),
  });
}
