import { z } from 'zod';

/** JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. */
export type JsonSchema = { [keyword: string]: unknown };
export type ObjectSchema = JsonSchema & { properties: Record<string, JsonSchema>; required: string[] };

export const NO_FIELDS: ObjectSchema = { type: 'object', properties: {}, required: [] };

/** Schemas of a document. Those with an `id` of their own are there once, under it, and referred to. */
export class Schemas {
  readonly named: Record<string, JsonSchema> = {};

  /** A schema as the document shows it: what a client sends (`input`), or what it gets (`output`). */
  object(schema: z.ZodObject | undefined, io: 'input' | 'output'): ObjectSchema {
    if (schema === undefined) return NO_FIELDS;
    const options = { io, unrepresentable: 'any', cycles: 'throw', reused: 'inline' } as const;
    const { $schema, $defs = {}, ...json } = z.toJSONSchema(schema, options);
    for (const [name, definition] of Object.entries($defs)) this.add(name, plain(definition) as JsonSchema);
    return { ...NO_FIELDS, ...(plain(json) as JsonSchema) };
  }

  private add(name: string, { id, ...schema }: JsonSchema): void {
    const known = this.named[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`two schemas of API documents are called ${name}`);
    }
    this.named[name] = schema;
  }
}

/** Without what says nothing: that other fields are not described, and that numbers are those that JavaScript has. */
function plain(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(plain);
  if (typeof json !== 'object' || json === null) return json;
  if ('$ref' in json) return { ...json, $ref: String(json.$ref).replace('#/$defs/', '#/components/schemas/') };
  const kept = Object.entries(json).filter(([keyword, value]) => {
    if (keyword === 'additionalProperties') return value !== false;
    return !(['minimum', 'maximum'].includes(keyword) && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER);
  });
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, plain(value)]));
}

/** One object with the fields of both. */
export function merged(a: ObjectSchema, b: ObjectSchema): ObjectSchema {
  return {
    ...a,
    ...b,
    properties: { ...a.properties, ...b.properties },
    required: [...new Set([...a.required, ...b.required])],
  };
}

/** An object without its empty list of required fields. */
export function tidy({ required, ...schema }: ObjectSchema): JsonSchema {
  return required.length === 0 ? schema : { ...schema, required };
}
