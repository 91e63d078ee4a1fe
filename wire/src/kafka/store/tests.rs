use super::*;

fn read_back(store: &Store, body: &Body) -> (bool, Vec<u8>) {
    if let Some(bytes) = store.cached(body) {
        return (true, bytes.to_vec());
    }
    let mut bytes = vec![0; body.size()];
    body.read_at(0, &mut bytes).unwrap();
    (false, bytes)
}

#[test]
fn bytes_come_back_from_memory_and_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path(), 4096).unwrap();
    let batches: Vec<Vec<u8>> = (0u8..200)
        .map(|n| vec![n; 1 + usize::from(n) * 7 % 300])
        .collect();
    let bodies: Vec<_> = batches
        .iter()
        .map(|b| store.append(Bytes::from(b.clone())).unwrap())
        .collect();
    let (mut hot, mut cold) = (0, 0);
    for (body, batch) in bodies.iter().zip(&batches) {
        let (cached, bytes) = read_back(&store, body);
        assert_eq!(&bytes, batch);
        *(if cached { &mut hot } else { &mut cold }) += 1;
    }
    assert!(hot > 5 && cold > 100, "{hot} hot, {cold} cold");
    assert!(store.cached_bytes() <= 4096);
}

#[test]
fn a_segment_without_handles_removes_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path(), 1 << 20).unwrap();
    let body = store.append(Bytes::from_static(b"batch")).unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files(), 1);
    drop(store);
    assert_eq!(files(), 1, "a handle is left");
    drop(body);
    assert_eq!(files(), 0);
}

#[test]
fn what_is_shelved_comes_back_also_across_segments() {
    use squall_model::kafka::Body as _;
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path(), 1 << 20).unwrap();
    let mut bodies = vec![store.append(Bytes::from_static(b"one")).unwrap()];
    store.current_bytes = SEGMENT_BYTES;
    bodies.push(store.append(Bytes::from_static(b"three")).unwrap());
    assert_eq!(store.segments, 2);
    let first = Body::shelve(b"rows", &bodies).unwrap();
    let second = Body::shelve(b"", &bodies[1..]).unwrap();
    drop(std::mem::take(&mut bodies));
    let texts = |bodies: Vec<Body>| {
        let cached = bodies.iter().map(|body| store.cached(body).unwrap());
        cached.collect::<Vec<Bytes>>()
    };
    let (rows, found) = Body::unshelve(&first);
    assert_eq!(
        (rows, texts(found)),
        (b"rows".to_vec(), vec!["one".into(), "three".into()])
    );
    let (rows, found) = Body::unshelve(&second);
    assert_eq!((rows, texts(found)), (Vec::new(), vec!["three".into()]));
    assert!(store.failure().is_none());
}

#[test]
fn an_index_that_was_cut_short_is_told() {
    use squall_model::kafka::Body as _;
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path(), 1 << 20).unwrap();
    let body = store.append(Bytes::from_static(b"batch")).unwrap();
    let shelf = Body::shelve(b"rows", &[body]).unwrap();
    std::fs::write(folder.path().join("index"), b"ro").unwrap();
    assert!(Body::unshelve(&shelf).1.is_empty());
    assert!(store.failure().is_some());
}

#[test]
fn an_index_that_cannot_be_written_stays_in_memory() {
    use squall_model::kafka::Body as _;
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path(), 1 << 20).unwrap();
    let body = store.append(Bytes::from_static(b"batch")).unwrap();
    std::fs::create_dir(folder.path().join("index")).unwrap();
    assert!(Body::shelve(b"rows", &[body]).is_none());
    assert!(store.failure().is_none());
}
