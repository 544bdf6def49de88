#!/usr/bin/env node
import { runCommandLine } from './program';
import { Environment } from './support/environment';

async function main(): Promise<void> {
  process.exitCode = await runCommandLine(process.argv.slice(2), Environment.read(process.env));
}

void main();
