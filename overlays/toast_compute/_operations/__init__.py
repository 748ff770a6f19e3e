"""Operations of each method, written once for both variants."""
