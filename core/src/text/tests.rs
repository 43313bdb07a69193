use super::Analyzer;
use super::terms::{term_of, write_terms};

fn tokens(json: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Analyzer::parse(json)
        .unwrap()
        .each(text, |token| found.push(token.text.into_owned()));
    found
}

fn fault(json: &str) -> String {
    let failure = Analyzer::parse(json).unwrap_err();
    assert_eq!(failure.kind, "analyzer");
    let args: Vec<String> = failure.args.iter().map(|arg| serde_json::to_string(arg).unwrap()).collect();
    args.join(" ")
}

#[test]
fn built_in_analyzers() {
    let text = "The Milvus-based engines, Über-fast; 2nd to none!";
    for json in ["", "{}", r#"{"type": "standard"}"#] {
        assert_eq!(
            tokens(json, text),
            ["the", "milvus", "based", "engines", "über", "fast", "2nd", "to", "none"]
        );
    }
    let stopped = r#"{"type": "standard", "stop_words": ["_english_", "none"]}"#;
    assert_eq!(tokens(stopped, text), ["milvus", "based", "engines", "über", "fast", "2nd"]);
    // Stems first, stop words then: "this" is "this", "was" is "was", but "engines" is "engin".
    let english = r#"{"type": "english", "stop_words": ["fast"]}"#;
    assert_eq!(tokens(english, text), ["milvus", "base", "engin", "über", "2nd", "none"]);
    assert_eq!(tokens(r#"{"type": "chinese"}"#, "稀疏向量, ABC 12!"), ["稀疏", "向量", "ABC", "12"]);
}

#[test]
fn tokenizers() {
    assert_eq!(tokens(r#"{"tokenizer": "standard"}"#, "a-B c_d"), ["a", "B", "c", "d"]);
    assert_eq!(tokens(r#"{"tokenizer": "whitespace"}"#, " a-B\tc_d\u{a0}e "), ["a-B", "c_d\u{a0}e"]);
    let exact = r#"{"tokenizer": {"type": "jieba", "dict": ["结巴分词器"], "mode": "exact", "hmm": false}}"#;
    assert_eq!(tokens(exact, "结巴分词器好"), ["结巴分词器", "好"]);
    assert_eq!(tokens(r#"{"tokenizer": "jieba"}"#, "稀疏 向量"), ["稀疏", " ", "向量"]);
}

#[test]
fn filters() {
    let with = |filters: &str| format!(r#"{{"tokenizer": "whitespace", "filter": [{filters}]}}"#);
    assert_eq!(tokens(&with(r#""lowercase""#), "ÀB ΣΑΣ"), ["àb", "σασ"]);
    assert_eq!(
        tokens(&with(r#""asciifolding""#), "Žluťoučký straße ﬁn ①② ﾡ 稀"),
        ["Zlutoucky", "strasse", "fin", "12", "ﾡ", "稀"]
    );
    assert_eq!(tokens(&with(r#""alphanumonly""#), "a1 b-2 é 3"), ["a1", "3"]);
    assert_eq!(tokens(&with(r#""cnalphanumonly""#), "a1 -- é 稀!"), ["a1", "稀!"]);
    assert_eq!(tokens(&with(r#""cncharonly""#), "a1 稀a"), ["稀a"]);
    assert_eq!(tokens(&with(r#"{"type": "length", "max": 3}"#), "abc abcd é2 稀a"), ["abc", "é2"]);
    let stop = r#"{"type": "stop", "stop_words": ["_english_", "x"]}"#;
    assert_eq!(tokens(&with(stop), "The the x of y"), ["The", "y"]);
    assert_eq!(tokens(&with(&format!(r#""lowercase", {stop}"#)), "The the x of y"), ["y"]);
    assert_eq!(
        tokens(&with(r#"{"type": "stemmer", "language": "German"}"#), "häuser läufst"),
        ["haus", "lauf"]
    );
}

#[test]
fn faults_are_named() {
    for (json, name) in [
        ("[]", "notJson"),
        (r#"{"type": 1}"#, "typeNotText"),
        (r#"{"type": "klingon"}"#, r#""unknownType" "klingon""#),
        (r#"{"type": "thai"}"#, r#""unbuilt" "analyzer type thai""#),
        (r#"{"stop_words": []}"#, "noTokenizer"),
        (r#"{"tokenizer": 1}"#, "tokenizerShape"),
        (r#"{"tokenizer": {}}"#, "noTokenizerType"),
        (r#"{"tokenizer": {"type": 1}}"#, "tokenizerTypeNotText"),
        (r#"{"tokenizer": "nope"}"#, r#""unknownTokenizer" "nope""#),
        (r#"{"tokenizer": "icu"}"#, r#""unbuilt" "tokenizer icu""#),
        (r#"{"tokenizer": "standard", "filters": []}"#, r#""unknownKey" "filters""#),
        (r#"{"tokenizer": "standard", "filter": "lowercase"}"#, "filtersNotList"),
        (r#"{"tokenizer": "standard", "filter": [1]}"#, "filterShape"),
        (r#"{"tokenizer": "standard", "filter": ["nope"]}"#, r#""unknownFilter" "nope""#),
        (r#"{"tokenizer": "standard", "filter": ["pinyin"]}"#, r#""unbuilt" "filter pinyin""#),
        (r#"{"tokenizer": "standard", "filter": [{}]}"#, "noFilterType"),
        (r#"{"tokenizer": "standard", "filter": [{"type": 1}]}"#, "filterTypeNotText"),
        (
            r#"{"tokenizer": "standard", "filter": [{"type": "nope"}]}"#,
            r#""unknownFilterType" "nope""#,
        ),
        (
            r#"{"tokenizer": "standard", "filter": [{"type": "length", "max": -1}]}"#,
            "noLength",
        ),
        (
            r#"{"tokenizer": "standard", "filter": [{"type": "stop", "stop_words": "a"}]}"#,
            r#""notList" "stop_words""#,
        ),
        (
            r#"{"tokenizer": "standard", "filter": [{"type": "stop", "stop_words": [1]}]}"#,
            r#""notText" "stop_words""#,
        ),
        (
            r#"{"tokenizer": "standard", "filter": [{"type": "stop", "stop_words": ["_thai_"]}]}"#,
            r#""unbuilt" "stop words _thai_""#,
        ),
        (r#"{"tokenizer": "standard", "filter": [{"type": "stemmer"}]}"#, "noLanguage"),
        (
            r#"{"tokenizer": "standard", "filter": [{"type": "stemmer", "language": "X"}]}"#,
            r#""unknownLanguage" "x""#,
        ),
        (r#"{"tokenizer": {"type": "jieba", "mode": "all"}}"#, "unknownJiebaMode"),
        (r#"{"tokenizer": {"type": "jieba", "hmm": 1}}"#, "jiebaHmmNotFlag"),
        (
            r#"{"tokenizer": {"type": "jieba", "dict": "a"}}"#,
            r#""notList" "jieba tokenizer dict""#,
        ),
    ] {
        assert!(fault(json).contains(name), "{json}: {}", fault(json));
    }
}

#[test]
fn terms_are_checksums_with_their_frequencies() {
    // The check value of CRC-32.
    assert_eq!(term_of("123456789"), 0xcbf4_3926);
    let long = "x".repeat(150);
    assert_eq!(term_of(&long), term_of(&long[..100]));
    let (mut terms, mut out) = (Vec::new(), Vec::new());
    write_terms(&Analyzer::parse("").unwrap(), "b a B", &mut terms, &mut out);
    let pairs: Vec<(u32, f32)> = out.as_chunks::<8>().0.iter().map(crate::segment::pair_of).collect();
    let mut expected = vec![(term_of("a"), 1.0), (term_of("b"), 2.0)];
    expected.sort_by_key(|pair| pair.0);
    assert_eq!(pairs, expected);
    out.clear();
    write_terms(&Analyzer::parse("").unwrap(), "-", &mut terms, &mut out);
    assert!(out.is_empty());
}
