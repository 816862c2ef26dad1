//! Properties: printing and parsing are inverse, and no text makes the language panic.

use ecs_audit::lang::ast::*;
use ecs_audit::lang::keyword::{FUNCTIONS, NOUNS, UNITS};
use ecs_audit::lang::{check, format, parse};
use jiff::civil::date;
use jiff::tz::Offset;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::fixture::{Known, context};

fn at<T>(value: T) -> Spanned<T> {
    Spanned::new(value, 0..0)
}

fn name() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z_][a-z0-9_]{0,8}",
        1 => "[^`]{1,8}",
        1 => prop::sample::select(vec!["by", "since", "not", "count", "missing", "raw", "p95", "all", "desc", "ago", "week"]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn noun() -> BoxedStrategy<String> {
    prop::sample::select(NOUNS).prop_map(|noun| noun.word.to_owned()).boxed()
}

fn field() -> BoxedStrategy<Field> {
    let key = "[A-Za-z0-9_:@*+/-]{1,8}".prop_map(PathPart::Key);
    let part = prop_oneof![3 => key.clone(), 1 => any::<u32>().prop_map(PathPart::Index)];
    let raw = (key, vec(part, 0..4)).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        Field::Raw(rest)
    });
    prop_oneof![3 => name().prop_map(Field::Name), 1 => raw].boxed()
}

fn duration() -> BoxedStrategy<Duration> {
    let unit = prop::sample::select(UNITS).prop_map(|(_, unit)| unit);
    vec((0_u32..1_000_000_000, unit), 1..4).prop_map(|parts| Duration { parts }).boxed()
}

fn instant() -> BoxedStrategy<Instant> {
    let day = (0_i16..=9999, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| date(y, m, d));
    let offset = option::of((-25 * 60..=25 * 60_i32).prop_map(|minutes| Offset::from_seconds(minutes * 60).unwrap()));
    let datetime = (day.clone(), 0_i8..24, 0_i8..60, 0_i8..60, 0..1_000_000_000_i32, offset)
        .prop_map(|(day, h, m, s, ns, offset)| Instant::DateTime(day.at(h, m, s, ns), offset));
    prop_oneof![
        Just(Instant::Now),
        Just(Instant::Latest),
        Just(Instant::Today),
        Just(Instant::Yesterday),
        (0_i8..7).prop_map(|day| Instant::Weekday(jiff::civil::Weekday::from_monday_zero_offset(day).unwrap())),
        (any::<bool>(), prop::sample::select(&CalendarUnit::ALL[..])).prop_map(|(last, unit)| Instant::Calendar { last, unit }),
        duration().prop_map(Instant::Ago),
        day.prop_map(Instant::Date),
        datetime,
    ]
    .boxed()
}

fn subject(expr: BoxedStrategy<Expr>) -> BoxedStrategy<Expr> {
    let function = prop::sample::select(FUNCTIONS).prop_map(|function| function.name.to_owned());
    let args = vec(expr.prop_map(at), 0..3);
    prop_oneof![
        2 => field().prop_map(Expr::Field),
        1 => (function, args).prop_map(|(name, args)| Expr::Call(at(name), args)),
    ]
    .boxed()
}

fn expr() -> BoxedStrategy<Expr> {
    let leaf = prop_oneof![
        3 => field().prop_map(Expr::Field),
        1 => "-?[0-9]{1,5}(\\.[0-9]{1,3})?".prop_map(Expr::Number),
        1 => any::<String>().prop_map(Expr::Text),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let op = prop::sample::select(vec![Arith::Add, Arith::Sub, Arith::Mul, Arith::Div]);
        let binary = (op, inner.clone(), inner.clone())
            .prop_map(|(op, left, right)| Expr::Binary(op, Box::new(at(left)), Box::new(at(right))));
        prop_oneof![binary, subject(inner)]
    })
    .boxed()
}

fn value() -> BoxedStrategy<Spanned<Value>> {
    let text = prop_oneof![
        3 => "[A-Za-z0-9_./:*@+-]{1,10}",
        1 => any::<String>(),
        1 => prop::sample::select(vec!["by", "NOT", "..", "field", "1..5", ""]).prop_map(str::to_owned),
    ];
    text.prop_map(|text| at(Value { text, quoted: false })).boxed()
}

fn condition() -> BoxedStrategy<Condition> {
    use CompareOp::*;
    let op = prop::sample::select(vec![Eq, Ne, Lt, Le, Gt, Ge]);
    let text_op = prop::sample::select(vec![TextOp::Like, TextOp::Contains, TextOp::Matches]);
    let operand = prop_oneof![
        3 => value().prop_map(Operand::Literal),
        1 => field().prop_map(|field| Operand::Field(at(field))),
    ];
    prop_oneof![
        (op, operand).prop_map(|(op, operand)| Condition::Compare(op, operand)),
        (any::<bool>(), vec(value(), 1..4)).prop_map(|(negated, values)| Condition::In { negated, values }),
        (any::<bool>(), value(), value()).prop_map(|(negated, low, high)| Condition::Range { negated, low, high }),
        (any::<bool>(), text_op, value()).prop_map(|(negated, op, pattern)| Condition::Text { negated, op, pattern }),
        any::<bool>().prop_map(|negated| Condition::Missing { negated }),
        Just(Condition::True),
    ]
    .boxed()
}

fn pred() -> BoxedStrategy<Pred> {
    let leaf =
        (subject(expr()), condition()).prop_map(|(subject, condition)| Pred::Test(Test { subject: at(subject), condition }));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|members| join(members, true)),
            vec(inner.clone(), 2..4).prop_map(|members| join(members, false)),
            inner.prop_map(|inner| match inner {
                Pred::Not(inner) => *inner,
                other => Pred::Not(Box::new(other)),
            }),
        ]
    })
    .boxed()
}

/// Keeps the promise of the tree: no member of its own kind.
fn join(members: Vec<Pred>, and: bool) -> Pred {
    let flat = members
        .into_iter()
        .flat_map(|member| match (member, and) {
            (Pred::And(inner), true) | (Pred::Or(inner), false) => inner,
            (other, _) => vec![other],
        })
        .collect();
    if and { Pred::And(flat) } else { Pred::Or(flat) }
}

fn window() -> BoxedStrategy<Window> {
    let at_instant = || instant().prop_map(at);
    prop_oneof![
        at_instant().prop_map(|since| Window::Open { since: Some(since), until: None }),
        at_instant().prop_map(|until| Window::Open { since: None, until: Some(until) }),
        (at_instant(), at_instant()).prop_map(|(since, until)| Window::Open { since: Some(since), until: Some(until) }),
        (at_instant(), at_instant()).prop_map(|(from, to)| Window::Between(from, to)),
        at_instant().prop_map(Window::On),
        (at_instant(), option::of(duration().prop_map(at))).prop_map(|(middle, within)| Window::Around(middle, within)),
    ]
    .boxed()
}

fn relation() -> BoxedStrategy<Relation> {
    let kind = prop::sample::select(vec![RelationKind::Near, RelationKind::Following, RelationKind::Preceding]);
    (any::<bool>(), kind, noun(), option::of(pred()), duration(), vec(field().prop_map(at), 0..3))
        .prop_map(|(negated, kind, noun, filter, within, matching)| Relation {
            negated,
            kind: at(kind),
            noun: at(noun),
            filter,
            within: at(within),
            matching,
        })
        .boxed()
}

fn compare() -> BoxedStrategy<Compare> {
    let period = prop::sample::select(vec![Period::Day, Period::Week, Period::Month]);
    prop_oneof![
        option::of(period).prop_map(Compare::Previous),
        (instant(), instant()).prop_map(|(from, to)| Compare::Between(at(from), at(to))),
    ]
    .boxed()
}

fn limit() -> BoxedStrategy<Limit> {
    let per = || option::of(field().prop_map(at));
    prop_oneof![
        (1_u32.., per()).prop_map(|(rows, per)| Limit::Top(rows, per)),
        (1_u32.., per()).prop_map(|(rows, per)| Limit::Bottom(rows, per)),
        (1_u32..).prop_map(Limit::Rows),
        Just(Limit::All),
    ]
    .boxed()
}

fn stage() -> BoxedStrategy<Stage> {
    let alias = || option::of(name().prop_map(at));
    let key = (subject(expr()), alias()).prop_map(|(expr, alias)| Key { expr: at(expr), alias });
    let item = (expr(), alias()).prop_map(|(expr, alias)| Item { expr: at(expr), alias });
    let every = (duration(), any::<bool>()).prop_map(|(step, fill)| Every { step: at(step), fill });
    let sort_key = (field(), any::<bool>()).prop_map(|(field, descending)| SortKey { field: at(field), descending });
    let rows = (option::of(pred()), vec(relation(), 0..2), option::of(window().prop_map(at)));
    let groups = (vec(key, 0..3), option::of(every), option::of(duration().prop_map(at)));
    let columns = (option::of(Just(at(()))), vec(item, 0..3), option::of(compare().prop_map(at)));
    let order = (vec(sort_key, 0..3), option::of(limit().prop_map(at)));
    (rows, groups, columns, order)
        .prop_map(|((filter, relations, window), (by, every, bursts), (all_columns, show, compare), (sort, limit))| Stage {
            filter,
            relations,
            window,
            by,
            every,
            bursts,
            all_columns,
            show,
            compare,
            sort,
            limit,
        })
        .boxed()
}

fn query() -> BoxedStrategy<Query> {
    let source = prop_oneof![
        4 => noun().prop_map(Source::Noun),
        1 => "[a-z][a-z0-9_.-]{0,8}".prop_map(Source::Saved),
    ];
    let later = stage().prop_filter("a later stage has a clause", |stage| *stage != Stage::default());
    (source, stage(), vec(later, 0..2))
        .prop_map(|(source, first, mut stages)| {
            stages.insert(0, first);
            Query { source: at(source), stages }
        })
        .boxed()
}

/// Words and signs of the language in any order: reaches deeper than arbitrary characters.
fn word_soup() -> BoxedStrategy<String> {
    let words = vec![
        "failures",
        "calls",
        "where",
        "by",
        "since",
        "7d",
        "not",
        "near",
        "following",
        "within",
        "(",
        ")",
        ",",
        "|",
        "=",
        "!=",
        "in",
        "1..5",
        "..",
        "like",
        "is",
        "missing",
        "and",
        "or",
        "top",
        "3",
        "per",
        "show",
        "count",
        "p95",
        "sort",
        "-",
        "-count",
        "reason",
        "every",
        "1h",
        "nofill",
        "as",
        "'x'",
        "`y`",
        "+",
        "*",
        "raw.a[0]",
        "time",
        "hour",
        "between",
        "2026-03-04",
        "on",
        "around",
        "compare",
        "previous",
        "bursts",
        "limit",
        "@nightly",
        "field",
        "ran",
        "exit_code",
        "reason",
        "matching",
        "max",
    ];
    vec(prop::sample::select(words), 0..30).prop_map(|words| words.join(" ")).boxed()
}

/// Runs everything that text can reach; the result does not matter, only that there is one.
fn drive(text: &str) {
    match parse(text) {
        Ok(query) => {
            let canonical = format(&query);
            assert_eq!(parse(&canonical).as_ref(), Ok(&query), "{canonical}");
            if let Err(errors) = check(&query, &Known, &context()) {
                assert!(!errors.is_empty());
                errors.iter().for_each(|error| assert!(error.render(text).starts_with("error: ")));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            errors.iter().for_each(|error| assert!(error.render(text).starts_with("error: ")));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn printing_and_parsing_are_inverse(query in query()) {
        let text = format(&query);
        let parsed = parse(&text);
        prop_assert_eq!(parsed.as_ref(), Ok(&query), "{}", text);
        prop_assert_eq!(format(&query), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        drive(&text);
        drive(&format!("failures where {text}"));
        drive(&format!("failures since {text}"));
    }

    #[test]
    fn no_order_of_words_makes_it_panic(words in word_soup()) {
        drive(&words);
        drive(&format!("failures {words}"));
    }
}
