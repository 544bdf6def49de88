import type { Command } from 'commander';
import type { Environment } from './support/environment';
import { messageCommand } from './support/send';

export function closeCommand(environment: Environment): Command {
  return messageCommand(environment, {
    name: 'close',
    description: 'end a campaign that is published, or as soon as it is; data stay as they are',
    sent: 'asked to close',
    ends: true,
    send: (handle) => handle.signal('close'),
  });
}
