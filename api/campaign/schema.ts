import { z } from 'zod';
import { registerDatabase } from '../qserv/database';
import { registerTable } from '../qserv/table';
import { campaignInput, databaseRegistration, tableRegistration } from './input';
import { republishRequest } from './republish';

type JsonSchema = Record<string, unknown>;

/** What people write, as JSON Schema (draft 7, which editors know), by the names of their files in examples/. */
export const JSON_SCHEMAS: Record<string, () => JsonSchema> = {
  'campaign.schema.json': () => jsonSchema(campaignInput),
  'republish.schema.json': () => jsonSchema(republishRequest),
};

function jsonSchema(input: z.ZodType): JsonSchema {
  const registrations = new Map<unknown, JsonSchema>([
    [databaseRegistration, registrationSchema(registerDatabase, 'A database as Qserv registers it.')],
    [
      tableRegistration,
      registrationSchema(registerTable.partial({ database: true }), 'A table as Qserv registers it.'),
    ],
  ]);
  return z.toJSONSchema(input, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const registration = registrations.get(zodSchema);
      if (registration === undefined) return;
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as JsonSchema)[key];
      Object.assign(jsonSchema, structuredClone(registration));
    },
  }) as JsonSchema;
}

function registrationSchema(schema: z.ZodType, description: string): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return { ...rest, description };
}
