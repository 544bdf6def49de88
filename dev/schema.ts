import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { campaignJsonSchema } from '../api/campaign/schema';
import { checkout } from './files';

/** `npm run schema`: writes examples/campaign.schema.json anew. */
writeFileSync(
  join(checkout, 'examples', 'campaign.schema.json'),
  `${JSON.stringify(campaignJsonSchema(), undefined, 2)}\n`,
);
