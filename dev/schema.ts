import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JSON_SCHEMAS } from '../api/campaign/schema';
import { checkout } from './files';

/** `npm run schema`: writes the schemas beside the examples anew. */
for (const [name, schema] of Object.entries(JSON_SCHEMAS)) {
  writeFileSync(join(checkout, 'examples', name), `${JSON.stringify(schema(), undefined, 2)}\n`);
}
