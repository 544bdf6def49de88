import { requestFault } from '../../workflows/pure/republish';
import { checkCampaignInput } from './input';
import { keyVariable, parseRepublishRequest } from './republish';

const adminKey = `\${env:ADMIN_KEY}`;
const table = { definition: { $ref: 'table.json' }, contributions: [{ files: [{ url: 'a.csv' }] }] };
const minimal = { add: [table], adminKey };

/** Faults of a request as `path: message`. */
function faults(request: unknown): string[] {
  try {
    parseRepublishRequest(request);
    return [];
  } catch (error) {
    const { faults } = (error as { details: { faults: { path: string; message: string }[] } }).details;
    return faults.map((f) => `${f.path}: ${f.message}`);
  }
}

test('fills in defaults, and leaves to the campaign what is its own', () => {
  expect(parseRepublishRequest(minimal)).toEqual({
    add: [{ ...table, contributions: [expect.objectContaining({ charset: '' })], indexes: [] }],
    replace: [],
    remove: [],
    adminKey,
  });
});

test('a request that asks for nothing', () => {
  const message = 'there is nothing to do: name tables to add, to replace or to remove';
  expect(faults({ adminKey })).toEqual([`(input): ${message}`]);
  expect(requestFault({ adminKey, add: [], remove: [] })).toBe(message);
});

test('keys by reference; a literal one is refused and not repeated', () => {
  expect(keyVariable(adminKey)).toBe('ADMIN_KEY');
  for (const literal of ['s3cret', `s3cret\${env:X}`, `\${env:X} s3cret`, `\${s3cret}`]) {
    expect(keyVariable(literal)).toBeUndefined();
    const found = [...faults({ ...minimal, adminKey: literal }), requestFault({ ...minimal, adminKey: literal })];
    expect(found).toEqual([
      expect.stringMatching(/^adminKey: name an environment variable of the workers, as in \$\{env:ADMIN_KEY\}/),
      expect.stringMatching(/^adminKey: name an environment variable of the workers, as in \$\{env:ADMIN_KEY\}/),
    ]);
    expect(found.join()).not.toContain('s3cret');
  }
  expect(faults({ add: [table] })).toEqual(['adminKey: required (string)']);
});

test('all faults at once, each by its path', () => {
  expect(
    faults({
      ...minimal,
      replace: [{ ...table, contributions: [{ files: [{ url: 'a', chunk: 1.5 }] }] }, {}],
      remove: [7],
      base: 'here',
      finish: { rowCounters: 'all' },
      force: true,
    }),
  ).toEqual([
    expect.stringMatching(/^base: use a URL/),
    expect.stringMatching(/^replace\[0\]\.contributions\[0\]\.files\[0\]\.chunk: /),
    'replace[1].definition: required (object)',
    expect.stringMatching(/^remove\[0\]: /),
    expect.stringMatching(/^finish\.rowCounters: Invalid option/),
    'force: no such field; correct its spelling or remove it',
  ]);
});

describe('what the validator of the update sees', () => {
  test.each([
    [null, 'a republish request is one JSON object'],
    [[minimal], 'a republish request is one JSON object'],
    ['add Object', 'a republish request is one JSON object'],
    [{ ...minimal, replaces: [] }, 'replaces: no such field; correct its spelling or remove it'],
    [{ ...minimal, add: table }, 'add: give a list, even for a single table'],
    [{ ...minimal, replace: ['Object'] }, 'replace[0]: give an object with definition and contributions'],
    [{ ...minimal, add: [{}] }, 'add[0].definition: required'],
    [{ ...minimal, replace: [{ definition: 'table_Object.json' }] }, 'replace[0].definition: required'],
    [{ ...minimal, remove: ['Object', null] }, 'remove[1]: give the name of a table'],
    [{ add: [table] }, 'adminKey: required; name the workers'],
    [{ ...minimal, adminKey: 7 }, 'adminKey: name an environment variable'],
    [{ ...minimal, requestId: '' }, 'requestId: give a text that is not empty'],
  ])('%j', (request, fault) => {
    expect(requestFault(request)).toContain(fault);
    expect(faults(request)).not.toEqual([]);
  });

  test('a request in order', () => {
    expect(requestFault(minimal)).toBeUndefined();
    expect(requestFault({ adminKey, remove: ['Object'], requestId: 'r-1', $schema: 'x', finish: {} })).toBeUndefined();
  });
});

describe('a campaign that adopts', () => {
  const database = { $ref: 'database.json' };
  test('has no tables; another one has', () => {
    expect(checkCampaignInput({ database, tables: [], adopt: true })).toMatchObject({ campaign: { adopt: true } });
    expect(checkCampaignInput({ database, tables: [table], adopt: true }).faults).toEqual([
      { path: 'tables', message: expect.stringContaining('must be empty, since the campaign adopts') },
    ]);
    expect(checkCampaignInput({ database, tables: [] }).faults).toEqual([
      { path: 'tables', message: 'a campaign needs at least one table' },
    ]);
  });

  test('wishes for finishing have defaults', () => {
    expect(checkCampaignInput({ database, tables: [table], finish: { directorIndex: true } })).toMatchObject({
      campaign: {
        adopt: false,
        finish: { directorIndex: true, consolidateDirectorIndex: false, rowCounters: 'none' },
        tables: [{ indexes: [] }],
      },
    });
  });
});
