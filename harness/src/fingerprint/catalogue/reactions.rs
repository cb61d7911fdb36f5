//! What happens by itself: triggers, rules, policies of row security, event triggers; and the
//! statistics objects that the planner is told to keep.

use super::Query;

pub(super) const QUERIES: &[Query] = &[
    Query::always(&[TRIGGERS]),
    Query::always(&[RULES]),
    Query::always(&[POLICIES]),
    Query::always(&[EVENT_TRIGGERS]),
    Query::always(&[STATISTICS]),
];

/// Those that a partition has from its parent only where they fire otherwise than the parent's.
/// Those behind foreign keys are the constraint's matter: their names carry an OID.
const TRIGGERS: &str = "
SELECT 'trigger/' || r.name || '/' || quote_ident(t.tgname),
       concat_ws(E'\\n',
           'definition: ' || pg_get_triggerdef(t.oid),
           'fires: ' || CASE t.tgenabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas'
                                         WHEN 'A' THEN 'always' END)
  FROM relation r
  JOIN pg_trigger t ON t.tgrelid = r.oid
  LEFT JOIN pg_trigger parent ON parent.oid = t.tgparentid
 WHERE t.tgname !~ '^RI_ConstraintTrigger_'
   AND (NOT t.tgisinternal AND t.tgparentid = 0 OR t.tgenabled <> parent.tgenabled)";

const RULES: &str = "
SELECT 'rule/' || r.name || '/' || quote_ident(w.rulename),
       concat_ws(E'\\n',
           'fires: ' || CASE w.ev_enabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas'
                                          WHEN 'A' THEN 'always' END,
           E'definition:\\n' || pg_get_ruledef(w.oid))
  FROM relation r
  JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'";

const POLICIES: &str = "
SELECT 'policy/' || r.name || '/' || quote_ident(p.polname),
       concat_ws(E'\\n',
           'definition: ' || CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END
               || ' for ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert'
                                  WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
           'to: ' || (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC'
                                        ELSE quote_ident(pg_get_userbyid(role)) END, ', '
                                        ORDER BY pg_get_userbyid(role))
                        FROM unnest(p.polroles) role),
           'using: ' || pg_get_expr(p.polqual, p.polrelid),
           'with check: ' || pg_get_expr(p.polwithcheck, p.polrelid))
  FROM relation r
  JOIN pg_policy p ON p.polrelid = r.oid";

const EVENT_TRIGGERS: &str = "
SELECT 'event-trigger/' || quote_ident(e.evtname),
       concat_ws(E'\\n',
           'definition: ' || e.evtfoid::regprocedure || ' on ' || e.evtevent,
           'tags: ' || (SELECT string_agg(tag, ', ' ORDER BY tag) FROM unnest(e.evttags) tag),
           'fires: ' || CASE e.evtenabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas'
                                          WHEN 'A' THEN 'always' END)
  FROM pg_event_trigger e
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_event_trigger'::regclass AND objid = e.oid)";

const STATISTICS: &str = "
SELECT 'statistics/' || place.name || '.' || quote_ident(s.stxname),
       concat_ws(E'\\n',
           'definition: ' || pg_get_statisticsobjdef(s.oid),
           'statistics target: ' || nullif(s.stxstattarget, -1))
  FROM place
  JOIN pg_statistic_ext s ON s.stxnamespace = place.oid
 WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid)";
