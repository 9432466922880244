{release,{"strange","1.0"}}.
