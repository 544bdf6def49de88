import type { Command } from 'commander';
import type { Environment } from './support/environment';
import { messageCommand } from './support/send';

export function retryCommand(environment: Environment): Command {
  return messageCommand(environment, {
    name: 'retry',
    description: 'load the held units of a campaign again, after their cause was removed',
    sent: 'held units are tried again',
    whenHeld: true,
    send: (handle) => handle.signal('retry'),
  });
}
