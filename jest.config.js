const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['api', 'ingest', 'activities', 'workflows', 'cli', 'server', 'workers', 'dev', 'test']
    .filter((folder) => existsSync(join(__dirname, folder)))
    .map((folder) => `<rootDir>/${folder}`),
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs', ignoreDynamic: true },
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // No test is that slow by itself: the first ones wait for servers to be made, and others may keep the machine busy.
  testTimeout: 120_000,
  // Most of the time tests wait for servers: two at once use the two cores that CI has.
  maxWorkers: 2,
};
