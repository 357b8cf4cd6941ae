package lineage

// The queries that read the catalogue. They need no privilege.
const (
	classSQL = `SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, c.relfilenode
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r','p','v','m','f','S','t') AND n.nspname !~ '^pg_(toast_)?temp_'`
	attributeSQL = `SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attgenerated <> '', a.xmin
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r','p','v','m','f')
		AND (c.oid >= 16384 OR c.relname IN ('pg_statistic','pg_statistic_ext_data','pg_largeobject','pg_class'))
		ORDER BY 1, 2`
	ruleSQL = `SELECT r.ev_class, r.ev_type, r.rulename, r.ev_action::text
		FROM pg_catalog.pg_rewrite r`
	triggerSQL = `SELECT tgrelid, tgfoid, tgtype & 66 <> 0 FROM pg_catalog.pg_trigger WHERE NOT tgisinternal`
	policySQL  = `SELECT p.polrelid, p.polqual::text, p.polwithcheck::text FROM pg_catalog.pg_policy p
		JOIN pg_catalog.pg_class c ON c.oid = p.polrelid WHERE c.relrowsecurity`
	inheritSQL  = `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits`
	functionSQL = `SELECT p.oid, n.nspname, p.proname, p.provolatile, l.lanname, coalesce(e.extname, ''),
		pg_catalog.oidvectortypes(p.proargtypes), coalesce(p.prosqlbody::text, ''),
		coalesce(array_position(p.proargnames, 'query') - p.pronargs, 0), p.prokind,
		p.prorettype IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype), coalesce(p.proargdefaults::text ~ 'FUNCEXPR|OPEXPR', false),
		CASE WHEN p.oid >= 16384 AND p.prosqlbody IS NULL AND p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql')
			AND coalesce(p.proconfig::text, '') !~* 'standard_conforming_strings' THEN p.prosrc ELSE '' END
		FROM pg_catalog.pg_proc p
		JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
		JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
			AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
		LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
		WHERE n.nspname !~ '^pg_temp_'`
	operatorSQL  = `SELECT oid, oprcode::oid FROM pg_catalog.pg_operator`
	collationSQL = `SELECT oid FROM pg_catalog.pg_collation WHERE NOT collisdeterministic`
	typeSQL      = `SELECT t.oid, t.typelem::text, '', '' FROM pg_catalog.pg_type t WHERE t.typelem >= 16384
		UNION ALL SELECT t.oid, t.typbasetype::text, '', '' FROM pg_catalog.pg_type t WHERE t.typbasetype >= 16384
		UNION ALL SELECT c.reltype, a.atttypid::text, '', '' FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
			WHERE c.reltype <> 0 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
		UNION ALL SELECT rngtypid, rngsubtype::text, '', '' FROM pg_catalog.pg_range WHERE rngsubtype >= 16384
		UNION ALL SELECT rngmultitypid, rngtypid::text, '', '' FROM pg_catalog.pg_range WHERE rngtypid >= 16384
		UNION ALL SELECT f.t, '', f.f::text, coalesce(e.extname, '') FROM (
				SELECT oid, unnest(ARRAY[typinput, typreceive, typmodin]::oid[]) FROM pg_catalog.pg_type
				UNION SELECT rngtypid, rngcanonical::oid FROM pg_catalog.pg_range
				UNION SELECT r.rngtypid, p.amproc::oid FROM pg_catalog.pg_range r JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
					JOIN pg_catalog.pg_amproc p ON p.amprocfamily = o.opcfamily) f(t, f)
			LEFT JOIN pg_catalog.pg_depend x ON x.classid = 'pg_catalog.pg_proc'::regclass AND x.objid = f.f AND x.deptype = 'e'
			LEFT JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid WHERE f.f >= 16384`
	checkSQL    = `SELECT contypid, conbin::text FROM pg_catalog.pg_constraint WHERE contypid <> 0 AND conbin IS NOT NULL`
	implicitSQL = `SELECT f.f, coalesce(e.extname, '') FROM (
			SELECT oprcode::oid FROM pg_catalog.pg_operator WHERE oid >= 16384
			UNION SELECT castfunc FROM pg_catalog.pg_cast
			UNION SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend]::oid[]) FROM pg_catalog.pg_type
			UNION SELECT unnest(ARRAY[rngcanonical, rngsubdiff]::oid[]) FROM pg_catalog.pg_range) f(f)
		LEFT JOIN pg_catalog.pg_depend x ON x.classid = 'pg_catalog.pg_proc'::regclass AND x.objid = f.f AND x.deptype = 'e'
		LEFT JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid WHERE f.f >= 16384`
	systemSQL = `SELECT concat(s.system_identifier, '/', d.oid) FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d
		WHERE d.datname = current_database()`
	eventSQL = `SELECT evtfoid FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'`
	drawSQL  = `SELECT t.adrelid, s.oid, t.adnum FROM pg_catalog.pg_depend d
			JOIN pg_catalog.pg_attrdef t ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = t.oid
			JOIN pg_catalog.pg_class s ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid AND s.relkind = 'S'
		UNION SELECT d.refobjid, d.objid, d.refobjsubid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
			WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i'`
	// By their numbers (pg_proc.dat): what is PostgreSQL's own has no row in pg_depend.
	settingSQL = `SELECT DISTINCT adrelid FROM pg_catalog.pg_attrdef WHERE adrelid >= 16384 AND adbin::text ~ ':funcid (2077|3294|2084) '`
	callSQL    = `SELECT DISTINCT coalesce(i.indrelid, k.conrelid, t.adrelid, d.objid), pg_catalog.pg_class.relname, d.refobjid, coalesce(e.extname, ''), coalesce(t.adnum, 0)
		FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class ON pg_class.oid = d.refclassid
		LEFT JOIN pg_catalog.pg_index i ON d.classid = 'pg_catalog.pg_class'::regclass AND i.indexrelid = d.objid
		LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
		LEFT JOIN pg_catalog.pg_attrdef t ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND t.oid = d.objid
		LEFT JOIN pg_catalog.pg_depend x ON x.classid = d.refclassid AND x.objid = d.refobjid AND x.deptype = 'e'
		LEFT JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid
		WHERE d.classid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_attrdef'::regclass)
		AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_opclass'::regclass)
		AND d.refobjid >= 16384`
	referenceSQL = `SELECT confrelid, conrelid, array_to_string(confkey, ' ') FROM pg_catalog.pg_constraint WHERE contype = 'f'`
	cascadeSQL   = `SELECT confrelid, conrelid, array_to_string(confkey, ' '), array_to_string(conkey, ' '), confupdtype, confdeltype FROM pg_catalog.pg_constraint
		WHERE contype = 'f' AND (confdeltype IN ('c','n','d') OR confupdtype IN ('c','n','d'))`
	foreignSQL = `SELECT ftrelid, coalesce((SELECT option_value FROM pg_catalog.pg_options_to_table(ftoptions)
			WHERE option_name = 'schema_name'), 'public'),
		coalesce((SELECT option_value FROM pg_catalog.pg_options_to_table(ftoptions)
			WHERE option_name = 'table_name'), (SELECT relname FROM pg_catalog.pg_class WHERE oid = ftrelid))
		FROM pg_catalog.pg_foreign_table`
)

// digestSQL sums up the definitions an analysis depends on, so that DDL that
// did not pass the gate is noticed. Temporary objects are left out, and so is
// what VACUUM, ANALYZE and TRUNCATE change.
const digestSQL = `SELECT md5(concat_ws('/',
	(SELECT concat(count(*), ':', sum(hashtextextended(concat_ws(',', c.oid, relname, relnamespace, relkind, relrowsecurity,
		relhasrules, relispartition), 0)::numeric)) FROM pg_catalog.pg_class c
		WHERE oid >= 16384 AND relkind IN ('r','p','v','m','f') AND relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat_ws(',', attrelid, attnum, attname, atttypid, attisdropped, attgenerated, a.xmin), 0)::numeric))
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE attrelid >= 16384 AND attnum > 0
		AND c.relkind IN ('r','p','v','m','f','c') AND c.relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_proc
		WHERE oid >= 16384 AND pronamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_rewrite WHERE oid >= 16384),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_type
		WHERE oid >= 16384 AND (typtype IN ('d','r') OR typtype = 'b' AND typelem = 0) AND typnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_policy),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(inhrelid, ',', inhparent), 0)::numeric)) FROM pg_catalog.pg_inherits),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_operator WHERE oid >= 16384),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_cast WHERE oid >= 16384),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(t.oid, ',', t.xmin), 0)::numeric)) FROM pg_catalog.pg_attrdef t
		JOIN pg_catalog.pg_class c ON c.oid = t.adrelid WHERE c.relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_constraint
		WHERE oid >= 16384 AND connamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(c.oid::text, 0)::numeric)) FROM pg_catalog.pg_class c
		WHERE c.oid >= 16384 AND c.relkind IN ('i','I') AND c.relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat(roleid, ',', member, ',', xmin), 0)::numeric)) FROM pg_catalog.pg_auth_members),
	(SELECT concat(count(*), ':', sum(hashtextextended(concat_ws(',', oid, rolname, rolsuper, rolinherit), 0)::numeric)) FROM pg_catalog.pg_roles)))`
