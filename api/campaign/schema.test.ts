import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { JSON_SCHEMAS } from './schema';

const EXAMPLES = join(__dirname, '..', '..', 'examples');
const read = (...path: string[]) => JSON.parse(readFileSync(join(EXAMPLES, ...path), 'utf8'));

const names = Object.keys(JSON_SCHEMAS);
const schemaOf = (name: string) => JSON_SCHEMAS[name]?.() ?? {};

test.each(names)('%s beside the examples is up to date (npm run schema)', (name) => {
  expect(read(name)).toEqual(schemaOf(name));
});

test.each(names)('every field of %s is described', (schema) => {
  const bare: string[] = [];
  const visit = (node: unknown, path: string) => {
    if (typeof node !== 'object' || node === null) return;
    const { properties = {}, ...rest } = node as { properties?: Record<string, { description?: string }> };
    for (const [name, field] of Object.entries(properties)) {
      if (!field.description && name !== 'name') bare.push(`${path}.${name}`);
      visit(field, `${path}.${name}`);
    }
    for (const [key, value] of Object.entries(rest)) visit(value, `${path}/${key}`);
  };
  visit(schemaOf(schema), '');
  expect(bare).toEqual([]);
});

describe('examples', () => {
  const validator = z.fromJSONSchema(schemaOf('campaign.schema.json') as never);
  const folders = readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(folders.map((folder) => folder.name))('%s validates', (folder) => {
    expect(validator.safeParse(read(folder, 'campaign.json')).error?.issues).toBeUndefined();
  });

  test('definitions validate inline, and wrong fields do not', () => {
    const campaign = read('test101', 'campaign.json');
    campaign.database = read('test101', 'database_test101.json');
    for (const table of campaign.tables) table.definition = read('test101', table.definition.$ref);
    expect(validator.safeParse(campaign).error?.issues).toBeUndefined();
    expect(validator.safeParse({ ...campaign, qualty: 'strict' }).success).toBe(false);
    expect(validator.safeParse({ ...campaign, database: { database: 'x' } }).success).toBe(false);
  });
});
