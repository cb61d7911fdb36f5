//! What users taught the server: functions, procedures, aggregates, and what is built of them:
//! operators and their classes, casts, conversions, transforms, languages, access methods.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[FUNCTIONS]),
    Query::always(&[AGGREGATES]),
    Query::always(&[OPERATORS]),
    Query::always(&[OPERATOR_CLASSES]),
    Query::always(&[OPERATOR_FAMILIES]),
    Query::always(&[CASTS]),
    Query::always(&[CONVERSIONS]),
    Query::always(&[LANGUAGES]),
];

/// The printed definition has all of it: language, volatility, security, cost, settings, body.
/// Not the constructors that a range brings along. `IN` is left out of a procedure's arguments,
/// because 14 prints it and 13 does not.
const FUNCTIONS: &str = "
SELECT 'function/' || p.oid::regprocedure,
       E'definition:\\n' || CASE p.prokind WHEN 'p'
           THEN replace(definition, arguments, regexp_replace(arguments, '([(]|, )IN ', '\\1', 'g'))
           ELSE definition END
  FROM place
  JOIN pg_proc p ON p.pronamespace = place.oid AND p.prokind <> 'a'
 CROSS JOIN LATERAL (SELECT pg_get_functiondef(p.oid) AS definition,
                            '(' || pg_get_function_arguments(p.oid) || ')' AS arguments) d
 WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                                             AND d.objid = p.oid AND d.deptype IN ('e', 'i'))";

const AGGREGATES: &str = "
SELECT 'function/' || p.oid::regprocedure,
       concat_ws(E'\\n',
           'kind: aggregate',
           'arguments: ' || pg_get_function_arguments(p.oid),
           'ordered set: ' || nullif(a.aggkind, 'n')::text,
           'parallel: ' || nullif(p.proparallel, 'u')::text,
           'state function: ' || a.aggtransfn::regprocedure,
           'state type: ' || format_type(a.aggtranstype, NULL),
           'state space: ' || nullif(a.aggtransspace, 0),
           'final function: ' || nullif(a.aggfinalfn::oid, 0)::regprocedure,
           'final function extra: ' || CASE WHEN a.aggfinalextra THEN 'yes' END,
           'final function modifies: ' || a.aggfinalmodify::text,
           'combine function: ' || nullif(a.aggcombinefn::oid, 0)::regprocedure,
           'serial function: ' || nullif(a.aggserialfn::oid, 0)::regprocedure,
           'deserial function: ' || nullif(a.aggdeserialfn::oid, 0)::regprocedure,
           'initial value: ' || a.agginitval,
           'moving state function: ' || nullif(a.aggmtransfn::oid, 0)::regprocedure,
           'moving inverse function: ' || nullif(a.aggminvtransfn::oid, 0)::regprocedure,
           'moving final function: ' || nullif(a.aggmfinalfn::oid, 0)::regprocedure,
           'moving state type: ' || format_type(nullif(a.aggmtranstype, 0), NULL),
           'moving initial value: ' || a.aggminitval,
           'sort operator: ' || nullif(a.aggsortop, 0)::regoperator)
  FROM place
  JOIN pg_proc p ON p.pronamespace = place.oid
  JOIN pg_aggregate a ON a.aggfnoid = p.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_proc'::regclass AND objid = p.oid)";

const OPERATORS: &str = "
SELECT 'operator/' || o.oid::regoperator,
       concat_ws(E'\\n',
           'definition: ' || o.oprcode::oid::regprocedure,
           'commutator: ' || nullif(o.oprcom, 0)::regoperator,
           'negator: ' || nullif(o.oprnegate, 0)::regoperator,
           'restriction: ' || nullif(o.oprrest::oid, 0)::regproc,
           'join: ' || nullif(o.oprjoin::oid, 0)::regproc,
           'hashes: ' || CASE WHEN o.oprcanhash THEN 'yes' END,
           'merges: ' || CASE WHEN o.oprcanmerge THEN 'yes' END)
  FROM place
  JOIN pg_operator o ON o.oprnamespace = place.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_operator'::regclass AND objid = o.oid)";

const OPERATOR_CLASSES: &str = "
SELECT 'operator-class/' || place.name || '.' || quote_ident(c.opcname) || ' using ' || am.amname,
       concat_ws(E'\\n',
           'type: ' || format_type(c.opcintype, NULL),
           'default: ' || CASE WHEN c.opcdefault THEN 'yes' END,
           'storage: ' || format_type(nullif(c.opckeytype, 0), NULL),
           'family: ' || n.nspname || '.' || quote_ident(f.opfname))
  FROM place
  JOIN pg_opclass c ON c.opcnamespace = place.oid
  JOIN pg_am am ON am.oid = c.opcmethod
  JOIN pg_opfamily f ON f.oid = c.opcfamily
  JOIN pg_namespace n ON n.oid = f.opfnamespace
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opclass'::regclass AND objid = c.oid)";

const OPERATOR_FAMILIES: &str = "
SELECT 'operator-family/' || place.name || '.' || quote_ident(f.opfname) || ' using ' || am.amname,
       concat_ws(E'\\n',
           'operators: ' || (
               SELECT string_agg(o.amopstrategy || ' ' || o.amopopr::regoperator
                          || coalesce(' for order by ' || quote_ident(sort.opfname), ''),
                          ', ' ORDER BY o.amopstrategy, o.amopopr::regoperator::text)
                 FROM pg_amop o
                 LEFT JOIN pg_opfamily sort ON sort.oid = o.amopsortfamily
                WHERE o.amopfamily = f.oid),
           'functions: ' || (
               SELECT string_agg(s.amprocnum || ' (' || s.amproclefttype::regtype || ', '
                          || s.amprocrighttype::regtype || ') ' || s.amproc::oid::regprocedure,
                          ', ' ORDER BY s.amprocnum, s.amproc::oid::regprocedure::text)
                 FROM pg_amproc s WHERE s.amprocfamily = f.oid))
  FROM place
  JOIN pg_opfamily f ON f.opfnamespace = place.oid
  JOIN pg_am am ON am.oid = f.opfmethod
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opfamily'::regclass AND objid = f.oid)";

const CASTS: &str = "
SELECT 'cast/' || c.castsource::regtype || ' as ' || c.casttarget::regtype,
       concat_ws(E'\\n',
           'definition: ' || CASE c.castmethod WHEN 'b' THEN 'without function' WHEN 'i' THEN 'with inout'
                                  ELSE c.castfunc::regprocedure::text END,
           'context: ' || CASE c.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' END)
  FROM pg_cast c
 WHERE c.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass
                                             AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'transform/' || t.trftype::regtype || ' for ' || quote_ident(l.lanname),
       concat_ws(E'\\n', 'from: ' || nullif(t.trffromsql::oid, 0)::regprocedure,
                         'to: ' || nullif(t.trftosql::oid, 0)::regprocedure)
  FROM pg_transform t
  JOIN pg_language l ON l.oid = t.trflang
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_transform'::regclass AND objid = t.oid)";

const CONVERSIONS: &str = "
SELECT 'conversion/' || place.name || '.' || quote_ident(c.conname),
       concat_ws(E'\\n',
           'definition: ' || pg_encoding_to_char(c.conforencoding) || ' to '
               || pg_encoding_to_char(c.contoencoding) || ' by ' || c.conproc::regproc,
           'default: ' || CASE WHEN c.condefault THEN 'yes' END)
  FROM place
  JOIN pg_conversion c ON c.connamespace = place.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_conversion'::regclass AND objid = c.oid)";

const LANGUAGES: &str = "
SELECT 'language/' || quote_ident(l.lanname),
       concat_ws(E'\\n',
           'definition: ' || l.lanplcallfoid::regprocedure,
           'trusted: ' || CASE WHEN l.lanpltrusted THEN 'yes' END,
           'inline: ' || nullif(l.laninline, 0)::regprocedure,
           'validator: ' || nullif(l.lanvalidator, 0)::regprocedure)
  FROM pg_language l
 WHERE l.oid >= 16384
   AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_language'::regclass AND objid = l.oid)
UNION ALL
SELECT 'access-method/' || quote_ident(a.amname),
       concat_ws(E'\\n', 'definition: ' || a.amhandler::regproc,
                         'of: ' || CASE a.amtype WHEN 'i' THEN 'indexes' ELSE 'tables' END)
  FROM pg_am a
 WHERE a.oid >= 16384
   AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_am'::regclass AND objid = a.oid)";
