use super::*;
use jiff::Timestamp;
use jiff::tz::TimeZone;

fn window() -> (Timestamp, Timestamp) {
    ("2026-03-01T00:00:00Z".parse().unwrap(), "2026-03-08T00:00:00Z".parse().unwrap())
}

#[test]
fn names_are_text_and_never_markup() {
    let (from, until) = window();
    let lane = Lane {
        name: "<script>\u{202e}x".to_owned(),
        series: 0,
        marks: vec![Mark::Dot(from), Mark::Cross(from), Mark::Triangle(from), Mark::Span(from, until)],
    };
    let (wide, narrow) = lanes(("c", "A <b> title", "& text"), window(), &TimeZone::UTC, &[lane]).unwrap();
    for svg in [wide, narrow] {
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\u{202e}'), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("<text") && svg.contains("A &lt;b&gt; title"), "{svg}");
        assert!(svg.contains("role=\"img\"") && svg.contains("<desc id="));
    }
}

#[test]
fn a_bar_is_as_high_as_its_values_and_nothing_is_drawn_for_none() {
    let (from, _) = window();
    let draw = |values: &[Vec<f64>]| {
        let bars = Bars {
            id: "b",
            title: "t",
            text: "d",
            window: window(),
            tz: &TimeZone::UTC,
            starts: &[from],
            width: 3600,
            values,
            colors: &[],
            limit: &[],
        };
        stacked(&bars).unwrap().0
    };
    let of = |svg: &str, color: RGBColor| svg.matches(&format!("fill=\"{}\"", hex(color))).count();
    let svg = draw(&[vec![2.0, 0.0, 1.0]]);
    assert_eq!((of(&svg, color(0)), of(&svg, color(1)), of(&svg, color(2))), (1, 0, 1));
    assert_eq!(of(&draw(&[]), color(0)), 0);
}

#[test]
fn days_begin_at_midnight_of_the_zone() {
    use plotters::coord::ranged1d::{BoldPoints, Ranged};
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let axis = axis::TimeAxis::new(window(), &tokyo, 8);
    let first = axis.key_points(BoldPoints(8))[0];
    assert_eq!(Timestamp::from_second(first).unwrap().to_string(), "2026-03-01T15:00:00Z");
    assert_eq!(axis.label(first), "Mar 2");
}
