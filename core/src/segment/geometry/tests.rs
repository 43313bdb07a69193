use super::{is_wkb, wkb_of, write_wkt};

fn round(text: &str) -> Result<String, String> {
    let mut out = Vec::new();
    write_wkt(&wkb_of(text)?, &mut out).map_err(|_| String::from("damaged"))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn first_line(text: &str) -> String {
    match round(text) {
        Ok(text) => format!("taken: {text}"),
        Err(error) => error.lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn texts_come_back_in_one_form() {
    for (given, back) in [
        ("POINT(1 2)", "POINT (1 2)"),
        (" point\n( -1.50\t2e3 ) ", "POINT (-1.5 2000)"),
        ("POINT (0.1 -0)", "POINT (0.1 -0)"),
        ("POINT (1e21 1e-7)", "POINT (1000000000000000000000 0.0000001)"),
        ("POINT(1 2 3)", "POINT Z (1 2 3)"),
        ("POINTM(1 2 3)", "POINT M (1 2 3)"),
        ("POINT zm (1 2 3 4)", "POINT ZM (1 2 3 4)"),
        ("POINT EMPTY", "POINT EMPTY"),
        ("POINT Z EMPTY", "POINT Z EMPTY"),
        ("LINESTRING(0 0,1 1.25)", "LINESTRING (0 0, 1 1.25)"),
        ("LINESTRING EMPTY", "LINESTRING EMPTY"),
        (
            "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))",
            "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))",
        ),
        ("POLYGON M ((0 0 1,4 0 1,4 4 1,0 0 9))", "POLYGON M ((0 0 1, 4 0 1, 4 4 1, 0 0 9))"),
        ("MULTIPOINT(1 2,(3 4), EMPTY)", "MULTIPOINT (1 2, 3 4, EMPTY)"),
        ("MULTILINESTRING((0 0,1 1),EMPTY)", "MULTILINESTRING ((0 0, 1 1), EMPTY)"),
        (
            "MULTIPOLYGON(((0 0,4 0,4 4,0 0)), EMPTY)",
            "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 0)), EMPTY)",
        ),
        ("MULTIPOLYGON EMPTY", "MULTIPOLYGON EMPTY"),
        ("GEOMETRYCOLLECTION EMPTY", "GEOMETRYCOLLECTION EMPTY"),
        (
            "GEOMETRYCOLLECTION(POINT(1 2 3),GEOMETRYCOLLECTION(LINESTRING Z (0 0 0,1 1 1)))",
            "GEOMETRYCOLLECTION Z (POINT Z (1 2 3), GEOMETRYCOLLECTION Z (LINESTRING Z (0 0 0, 1 1 1)))",
        ),
        (
            "GEOMETRYCOLLECTION M (POINT EMPTY, POINT M (1 2 3))",
            "GEOMETRYCOLLECTION M (POINT M EMPTY, POINT M (1 2 3))",
        ),
    ] {
        assert_eq!(round(given).as_deref(), Ok(back), "{given}");
        assert_eq!(round(back).as_deref(), Ok(back));
        assert_eq!(wkb_of(given), wkb_of(back), "{given}");
    }
}

#[test]
fn what_is_no_geometry_is_refused_with_its_place() {
    for (given, why) in [
        ("", "unexpected $end at line 1, pos 0"),
        ("hello", "invalid keyword at line 1, pos 0"),
        ("POINT", "unexpected $end, expecting '(' at line 1, pos 5"),
        ("POINT(1)", "not enough coordinates at line 1, pos 7"),
        ("POINT()", "unexpected ')', expecting NUM at line 1, pos 6"),
        ("POINT(1 2", "unexpected $end, expecting ')' at line 1, pos 9"),
        ("POINT(1 2) x", "invalid keyword at line 1, pos 11"),
        ("POINT(1 2) POINT(1 2)", "unexpected POINT at line 1, pos 11"),
        ("POINT(1 2 3 4 5)", "too many coordinates at line 1, pos 15"),
        ("POINT(1e400 2)", "invalid number at line 1, pos 6"),
        ("POINT(+1 2)", "invalid character at line 1, pos 6"),
        ("POINT(NaN 2)", "invalid keyword at line 1, pos 6"),
        ("LINESTRING(1 2)", "non-empty linestring with only one point at line 1, pos 14"),
        (
            "LINESTRING(1 2,\n1 2 3)",
            "mixed dimensionality, parsed layout is XY so expecting 2 coords but got 3 coords at line 2, pos 5",
        ),
        (
            "POLYGON((0 0,1 0,1 1))",
            "polygon ring doesn't have enough points at line 1, pos 20",
        ),
        ("POLYGON((0 0,1 0,1 1,2 2))", "polygon ring not closed at line 1, pos 24"),
        ("POLYGON(EMPTY)", "unexpected EMPTY, expecting '(' at line 1, pos 8"),
        ("MULTIPOINT()", "unexpected ')', expecting EMPTY or NUM or '(' at line 1, pos 11"),
        ("MULTIPOLYGON(1)", "unexpected NUM, expecting EMPTY or '(' at line 1, pos 13"),
        (
            "GEOMETRYCOLLECTION M (POINT(1 2 3))",
            "mixed dimensionality, parsed layout is XYM but encountered layout of not XYM at line 1, pos 27",
        ),
        (
            "GEOMETRYCOLLECTION(POINT(1 2 3), POINT EMPTY)",
            "mixed dimensionality, parsed layout is XYZ but encountered layout of XY at line 1, pos 39",
        ),
    ] {
        assert_eq!(first_line(given), format!("syntax error: {why}"), "{given}");
    }
}

#[test]
fn a_refusal_shows_the_place() {
    assert_eq!(
        wkb_of("POINT(1,\t2)"),
        Err(String::from(
            "syntax error: not enough coordinates at line 1, pos 7\nLINE 1: POINT(1, 2)\n               ^\nHINT: each point needs at least 2 coords"
        ))
    );
    let long = format!("LINESTRING({}x)", "1 2, ".repeat(30));
    let message = wkb_of(&long).unwrap_err();
    assert!(
        message.contains("LINE 1: ...1 2, 1 2, 1 2, 1 2, 1 2, 1 2, x)\n")
            && message.ends_with("                                         ^"),
        "{message}"
    );
}

#[test]
fn nothing_that_a_client_writes_ends_the_process() {
    assert!(first_line(&"GEOMETRYCOLLECTION(".repeat(100_000)).contains("too many collections"));
    assert!(round(&format!("{}POINT(1 2){}", "GEOMETRYCOLLECTION(".repeat(60), ")".repeat(60))).is_ok());
    for text in ["POINT(1 \u{e9})", "\0", "POINT(1 2)\0", "((((", "LINESTRING Z M"] {
        assert!(wkb_of(text).is_err(), "{text:?}");
    }
}

#[test]
fn damaged_bytes_are_told() {
    let good = wkb_of("MULTIPOLYGON(((0 0,4 0,4 4,0 0)))").unwrap();
    for length in 0..good.len() {
        assert!(!is_wkb(&good[..length]));
    }
    assert!(write_wkt(&[good.as_slice(), &[0]].concat(), &mut Vec::new()).is_err());
    let nested = [1u8, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100_000);
    assert!(is_wkb(&good) && !is_wkb(&nested));
    assert!(write_wkt(&nested, &mut Vec::new()).is_err());
}
