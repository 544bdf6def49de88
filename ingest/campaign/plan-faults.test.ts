import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Planner } from '../../test/support/planner';
import type { Input } from '../../test/support/planning';

let planner: Planner;

beforeAll(async () => {
  planner = await Planner.open();
}, 120_000);

afterAll(() => planner?.close());

describe('what is wrong is named by its path, and nothing is stored', () => {
  test('unknown table: a dependent without its director', async () => {
    expect(await planner.faultsOf((input) => input.tables.shift())).toEqual([
      expect.stringMatching(/^tables\[0\]\.definition\.director_table: .*'test101\.Object'/),
    ]);
  });

  test('a table twice', async () => {
    expect(await planner.faultsOf((input) => input.tables.push(input.tables[0]))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^tables\[3\]\.definition\.table: 'Object' is defined already by tables\[0\]/),
      ]),
    );
  });

  test('chunk out of range', async () => {
    expect(
      await planner.faultsOf((input) => {
        input.tables[1].contributions[0].files[0].chunk = 7311999;
      }),
    ).toEqual([
      'tables[1].contributions[0].files[0].chunk: 7311999 is no chunk of 85 stripes with 12 sub-stripes each',
    ]);
  });

  test('chunk out of range in a file name', async () => {
    await writeFile(join(planner.folder, 'test101/data/Source/chunk_169.txt'), '');
    expect(
      await planner.faultsOf((input) => {
        input.tables[1].contributions = [{ folder: 'data/Source', pattern: 'chunk_(?<chunk>.*)\\.txt' }];
      }),
    ).toEqual(['tables[1].contributions[0]: chunk_169.txt: 169 is no chunk of 85 stripes with 12 sub-stripes each']);
  });

  test('missing file, missing folder, nothing that matches', async () => {
    expect(
      await planner.faultsOf((input) => {
        input.tables[0].contributions[0].folder = 'data/Objects';
        input.tables[1].contributions[0].files[0] = { url: 'data/Source/chunk_7481.txt', chunk: 7480 };
        input.tables[2].contributions = [{ folder: 'data', pattern: 'Filter\\.tsv' }];
      }),
    ).toEqual([
      'tables[0].contributions[0].folder: root://examples/test101/data/Objects: there is no such file',
      'tables[1].contributions[0].files[0]: root://examples/test101/data/Source/chunk_7481.txt: there is no such file',
      'tables[2].contributions[0].pattern: no file below root://examples/test101/data matches; correct it or set allowEmpty',
    ]);
  });

  test('illegal names', async () => {
    const table = { ...(await planner.definition('Filter')), table: 'Fil ter' };
    expect(
      await planner.faultsOf((input) => {
        input.database = { database: 'qserv_x`y', num_stripes: 85, num_sub_stripes: 12, overlap: 0.01 };
        input.tables[2].definition = { ...table, database: undefined };
      }),
    ).toEqual([expect.stringMatching(/^database\.database: .*qserv_x`y/)]);
    expect(
      await planner.faultsOf((input) => {
        input.tables[2].definition = table;
      }),
    ).toEqual([expect.stringMatching(/^tables\[2\]\.definition\.table: 'Fil ter'/)]);
  });

  test('a schema without the director key', async () => {
    const table = await planner.definition('Object');
    expect(
      await planner.faultsOf((input) => {
        input.tables[0].definition = { ...table, schema: table.schema.filter((c: Input) => c.name !== 'objectId') };
      }),
    ).toEqual([expect.stringMatching(/^tables\[0\]\.definition\.director_key: no matching column 'objectId'/)]);
  });

  test('a wrong type, inline and in another file', async () => {
    await writeFile(
      join(planner.folder, 'test101/wrong.json'),
      JSON.stringify({ ...(await planner.definition('Filter')), schema: 'filterId' }),
    );
    const faults = await planner.faultsOf((input) => {
      input.database = { database: 'test101', num_stripes: '85', num_sub_stripes: 12, overlap: 0.01 };
      input.tables[2].definition = { $ref: 'wrong.json' };
    });
    expect(faults).toEqual([
      expect.stringMatching(/^database\.num_stripes: /),
      expect.stringMatching(
        /^tables\[2\]\.definition\.schema: Invalid input: expected array, received string \(in root:\/\/examples\/test101\/wrong.json\)/,
      ),
    ]);
    expect(await planner.faultsOf((input) => Object.assign(input, { maxNumWarnings: 'many' }))).toEqual([
      'maxNumWarnings: Invalid input: expected number, received string',
    ]);
  });

  test('a column type that is no type', async () => {
    const table = await planner.definition('Filter');
    table.schema[1].type = 'chars(3) NOT NULL';
    expect(
      await planner.faultsOf((input) => {
        input.tables[2].definition = table;
      }),
    ).toEqual([expect.stringMatching(/^tables\[2\]\.definition\.schema\[1\]\.type: .*'chars' is not a MySQL type/)]);
  });

  test('a file shorter than declared', async () => {
    expect(
      await planner.faultsOf((input) => {
        input.tables[1].contributions[0].files[0].bytes = 2521921;
      }),
    ).toEqual([
      'tables[1].contributions[0].files[0].bytes: root://examples/test101/data/Source/chunk_7480.txt has 2521920 bytes, ' +
        '2521921 are declared; is it complete?',
    ]);
  });

  test('places that do not fit the kind of table', async () => {
    expect(
      await planner.faultsOf((input) => {
        input.tables[0].contributions[0].pattern = '.*';
        input.tables[1].contributions[0].files = [{ url: 'data/Source/chunk_7480.txt' }];
        input.tables[2].contributions[0].files = [{ url: 'data/Filter.csv', chunk: 7480 }];
      }),
    ).toEqual([
      'tables[0].contributions[0].pattern: the table is partitioned: the pattern needs a named group (?<chunk>\\d+) with the chunk number',
      'tables[1].contributions[0].files[0].chunk: required: Source is partitioned',
      'tables[2].contributions[0].files[0].chunk: Filter is a regular table, it has no chunks; remove chunk',
    ]);
  });

  test('a file twice', async () => {
    expect(
      await planner.faultsOf((input) => {
        input.tables[2].contributions.push({ files: [{ url: 'data/../data/Filter.csv' }] });
      }),
    ).toEqual([
      'tables[2].contributions[1].files[0]: root://examples/test101/data/Filter.csv is named already by ' +
        'tables[2].contributions[0].files[0]; its rows would be loaded twice',
    ]);
  });

  test('sources outside the roots, relative without a base, with a password', async () => {
    expect(
      await planner.faultsOf((input) => {
        input.tables[1].contributions[0].files[0] = { url: 'file:///etc/passwd', chunk: 7480 };
        input.tables[2].contributions[0].files = [{ url: 'https://me:s3cret@example.org/Filter.csv' }];
      }),
    ).toEqual([
      expect.stringMatching(
        /^tables\[1\]\.contributions\[0\]\.files\[0\]: file:\/\/\/etc\/passwd lies outside the source roots/,
      ),
      expect.stringMatching(
        /^tables\[2\]\.contributions\[0\]\.files\[0\]\.url: a URL must not hold a user or a password/,
      ),
    ]);
    const faults = await planner.faultsOf((input) => delete input.base);
    expect(faults).toHaveLength(4);
    expect(faults[0]).toMatch(/^database\.\$ref: 'database_test101.json' is relative, and the input has no "base"/);
  });

  test('a definition for another database, an impossible dialect', async () => {
    const table = { ...(await planner.definition('Filter')), database: 'test102', fields_terminated_by: '|' };
    expect(
      await planner.faultsOf((input) => {
        input.tables[2].definition = table;
      }),
    ).toEqual([
      "tables[2].definition.database: is 'test102', but the campaign's database is 'test101'; remove it",
      expect.stringMatching(/^tables\[2\]\.definition\.fields_terminated_by: "\|" is not possible; use one of/),
    ]);
  });

  test('indexes that cannot be, and a rating where there is none', async () => {
    expect(
      await planner.faultsOf((input) => {
        const byId = { index: 'by_id', columns: [{ column: 'objectId' }], overlap: 'both' };
        const columns = [{ column: 'ObjectId' }, { column: 'ra_PS', length: 4 }];
        input.tables[0].indexes = [byId, { ...byId, index: 'BY_ID', overlap: true }, { index: 'primary', columns }];
        input.tables[0].scanRating = 2 ** 31;
        input.tables[2].scanRating = 1;
      }),
    ).toEqual([
      'tables[0].indexes[1].index: is the name of tables[0].indexes[0]',
      "tables[0].indexes[2].index: 'primary' is the name of primary keys: choose another",
      expect.stringContaining("tables[0].indexes[2].columns[0].column: requested column 'ObjectId'"),
      expect.stringContaining("tables[0].indexes[2].columns[1].length: column 'ra_PS'"),
      expect.stringContaining('tables[0].scanRating: 2147483648'),
      expect.stringContaining('tables[2].scanRating: shared scans'),
    ]);
  });

  test('more faults than anybody reads are counted', async () => {
    const faults = await planner.faultsOf((input) => {
      input.tables[2].contributions[0].files = Array.from({ length: 250 }, (_, i) => ({ url: `none/${i}` }));
    });
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toBe('(input): and 150 further faults');
  });
});
