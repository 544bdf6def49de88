import { checkCampaignInput, parseCampaignInput } from './input';

const minimal = {
  database: { $ref: 'database.json' },
  tables: [{ definition: { $ref: 'table.json' }, contributions: [{ files: [{ url: 'a.csv' }] }] }],
};

/** Faults as `path: message` of the minimal input with changes. */
function faults(changes: Record<string, unknown>): string[] {
  return checkCampaignInput({ ...minimal, ...changes }).faults.map((f) => `${f.path}: ${f.message}`);
}

function tableFaults(...contributions: unknown[]): string[] {
  return faults({ tables: [{ definition: { $ref: 'table.json' }, contributions }] });
}

test('fills in defaults', () => {
  const campaign = parseCampaignInput(minimal);
  expect(campaign).toMatchObject({
    quality: 'strict',
    keepOpen: true,
    onFailure: 'hold',
    rollback: 'open',
    batch: { units: 40, bytes: 67108864 },
    attempts: { batch: 5, transaction: 3 },
    waits: { heartbeatSeconds: 30 },
  });
  expect(campaign.tables[0]?.contributions[0]).toMatchObject({ charset: '', allowEmpty: false });
});

test('lists all faults at once, each by its path', () => {
  expect(
    faults({
      quality: 'sloppy',
      maxNumWarnings: '7',
      qualty: 'strict',
      batch: { units: 0 },
      tables: [
        {
          definition: { $ref: 'table.json' },
          contributions: [{ files: [{ url: 'a.csv', bytes: -1 }, { chunk: 1.5 }] }],
        },
        {},
      ],
    }),
  ).toEqual([
    'tables[0].contributions[0].files[0].bytes: Too small: expected number to be >=0',
    'tables[0].contributions[0].files[1].url: required (string)',
    'tables[0].contributions[0].files[1].chunk: Invalid input: expected int, received number',
    'tables[1].definition: required (object)',
    'quality: Invalid option: expected one of "strict"|"lenient"',
    'maxNumWarnings: Invalid input: expected number, received string',
    'batch.units: Too small: expected number to be >=1',
    'qualty: no such field; correct its spelling or remove it',
  ]);
});

test('an input that is no object', () => {
  expect(() => parseCampaignInput('campaign.json')).toThrow(
    /\(input\): Invalid input: expected object, received string/,
  );
  expect(() => parseCampaignInput(undefined)).toThrow(/\(input\): required \(object\)/);
});

test('a definition is an object or a reference', () => {
  expect(faults({ database: 'test101' })).toEqual([expect.stringMatching(/^database: /)]);
  expect(faults({ database: { $ref: 7 } })).toEqual(['database.$ref: Invalid input: expected string, received number']);
});

test.each([{ heartbeatSeconds: 0.5 }, { batchSeconds: 1e9 }, { workerAwaySeconds: 1e300 }])(
  'waits have bounds: %p',
  (waits) => {
    expect(faults({ waits })).toEqual([expect.stringMatching(/^waits\.\w+: Too (small|big)/)]);
  },
);

describe('contributions', () => {
  test('exactly one form', () => {
    expect(tableFaults({})).toEqual([
      'tables[0].contributions[0]: nothing says where the files are: give exactly one of files, folder, template',
    ]);
    expect(tableFaults({ folder: 'data', pattern: '.*', files: [{ url: 'a' }] })).toEqual([
      'tables[0].contributions[0]: files and folder exclude each other: give exactly one of files, folder, template',
    ]);
  });

  test('fields of another form', () => {
    expect(tableFaults({ files: [{ url: 'a' }], pattern: '.*', chunks: [1] })).toEqual([
      'tables[0].contributions[0].pattern: belongs to "folder"; remove it',
      'tables[0].contributions[0].chunks: belongs to "template"; remove it',
    ]);
  });

  test('folders need a good pattern and must be listable', () => {
    expect(tableFaults({ folder: 'data' }, { folder: 'https://example.org/x', pattern: '(' })).toEqual([
      'tables[0].contributions[0].pattern: required with folder: a regular expression for the paths below it, ".*" for all files',
      expect.stringMatching(/^tables\[0\]\.contributions\[1\]\.pattern: is no regular expression: /),
      'tables[0].contributions[1].folder: an http(s) folder cannot be listed: use template with chunks, or files',
    ]);
  });

  test('templates need {chunk} and numbers', () => {
    expect(tableFaults({ template: 'https://example.org/a.csv' })).toEqual([
      'tables[0].contributions[0].chunks: required with template: chunk numbers or ranges "first-last"',
      'tables[0].contributions[0].template: needs {chunk} where the chunk number goes',
    ]);
    expect(tableFaults({ template: 'https://example.org/{chunk}', chunks: ['9-7', 'x'], overlapChunks: [1] })).toEqual([
      'tables[0].contributions[0].chunks[1]: write a range as "first-last"',
      'tables[0].contributions[0].overlapTemplate: required with overlapChunks',
      'tables[0].contributions[0].chunks[0]: the range 9-7 ends before it begins',
    ]);
  });

  test.each([
    'X-Auth: s3cret',
    'auth_key: s3cret',
    'X-Access-Key: s3cret',
    'X-Api-Signature: s3cret',
    `Authorization: Bearer s3cret \${env:X}`,
    `Authorization: s3cret\${env:X}`,
    `Cookie: id=s3cret; key=\${env:X}`,
  ])('a secret that is not wholly a reference: %s', (header) => {
    const [fault, ...more] = tableFaults({ files: [{ url: 'https://example.org/a' }], http: { headers: [header] } });
    expect(fault).toMatch(/headers\[0\]: the value of .* is a secret/);
    expect(fault).not.toContain('s3cret');
    expect(more).toEqual([]);
  });

  test('what belongs to folders or to http only; charsets', () => {
    expect(
      tableFaults(
        { files: [{ url: 'a' }], allowEmpty: true },
        { folder: 'data', pattern: '.*', http: {} },
        { files: [{ url: 'a' }], charset: 'utf16' },
        { files: [{ url: 'a' }], charset: 'UTF8MB4' },
      ),
    ).toEqual([
      'tables[0].contributions[0].allowEmpty: belongs to "folder"; remove it',
      'tables[0].contributions[1].http: belongs to http(s) sources; remove it',
      'tables[0].contributions[2].charset: use the name of a MariaDB character set that LOAD DATA takes',
    ]);
  });

  test('secrets by reference', () => {
    const headers = [
      `Authorization: Bearer \${env:X}`,
      `Authorization: Basic \${env:X}`,
      `X-Auth: \${env:X}`,
      `Cookie: id=\${env:X}; key=\${env:Y}`,
      'Accept: text/csv',
    ];
    expect(tableFaults({ files: [{ url: 'https://example.org/a' }], http: { headers } })).toEqual([]);
  });

  test('a secret in a header is refused and not repeated', () => {
    const headers = ['Accept: text/csv', 'Authorization: Bearer s3cret', `X-Api-Key: \${env:KEY}`, 'no header'];
    const found = tableFaults({ files: [{ url: 'https://example.org/a' }], http: { headers } });
    expect(found).toEqual([
      expect.stringMatching(/headers\[1\]: the value of Authorization is a secret: name an environment variable/),
      expect.stringMatching(/headers\[3\]: write a header as "Name: value"/),
    ]);
    expect(found.join()).not.toContain('s3cret');
  });

  test('dialects are those of Qserv', () => {
    expect(tableFaults({ files: [{ url: 'a' }], dialect: { fieldsTerminatedBy: '|' } })).toEqual([
      expect.stringMatching(/dialect\.fieldsTerminatedBy: Invalid option/),
    ]);
  });
});
