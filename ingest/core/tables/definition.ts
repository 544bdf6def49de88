/** Table kinds: regular tables are replicated whole on every worker, the others are stored by chunk. */
export const TABLE_KINDS = ['director', 'dependent', 'refMatch', 'regular'] as const;
export type TableKindName = (typeof TABLE_KINDS)[number];

/** `type` is the whole MySQL text behind the name, e.g. `BIGINT NOT NULL`. */
export interface ColumnDefinition {
  name: string;
  type: string;
}

interface CommonDefinition {
  name: string;
  /** Columns in file order, without `qserv_trans_id`. */
  schema: ColumnDefinition[];
  /** Default latin1 / latin1_general_ci. */
  charset?: string;
  collation?: string;
}

/** What a caller says of a new table. Director references are `[db.]table`. */
export type TableDefinition =
  | (CommonDefinition & {
      kind: 'director';
      directorKey: string;
      longitudeKey: string;
      latitudeKey: string;
      /** Director index uniqueness, default true. */
      uniquePrimaryKey?: boolean;
    })
  | (CommonDefinition & {
      kind: 'dependent';
      director: string;
      directorKey: string;
      longitudeKey?: string;
      latitudeKey?: string;
    })
  | (CommonDefinition & {
      kind: 'refMatch';
      director: string;
      directorKey: string;
      director2: string;
      directorKey2: string;
      flag: string;
      angSep: number;
    })
  | (CommonDefinition & { kind: 'regular' });

/** A registered table. `schema` has `qserv_trans_id` first. */
export interface TableDescriptor {
  definition: TableDefinition;
  /** With `qserv_trans_id INT NOT NULL` first. */
  columns: ColumnDefinition[];
  isPublished: boolean;
  createTime: number;
  publishTime: number;
  /** Set on the next version of a published table: the name it will have. Publish puts it in that table's place. */
  replaces?: string;
  /** Set once this version has taken another one's place, or has begun to: ms since the epoch, `shown` 0 until it has. */
  replaced?: { hidden: number; shown: number };
  /** Its deletion was begun, and some of it may be gone: it can only be deleted. */
  beingDeleted?: true;
}
