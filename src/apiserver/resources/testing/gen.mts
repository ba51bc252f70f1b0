import { writeFileSync, existsSync } from 'node:fs';
const R='/work/main/src/apiserver/resources/';
const { SPECS } = await import('./specs.mts');
const { rulesOf } = await import(R+'testing/rules-of.ts');
const only = process.argv[2]; const write = process.argv[3]==='write';
const q=(s:string)=> s.includes('\n')||(s.includes("'")&&s.includes('"')) ? '`'+s.replace(/\\/g,'\\\\').replace(/`/g,'\\`').replace(/\$\{/g,'\\${').replace(/\n/g,'\\n')+'`' : s.includes("'") ? JSON.stringify(s) : "'"+s.replace(/\\/g,'\\\\')+"'";
for (const s of SPECS) {
  if (only && only!=='all' && !new RegExp(only).test(s.dir)) continue;
  const def=(await import(R+s.dir+'/definition.ts'))[s.def];
  if(!def){console.log('NO DEF',s.dir);continue;}
  const rules=rulesOf(def,s.base);
  const out:string[]=[];
  out.push("import assert from 'node:assert/strict';","import { test } from 'node:test';","import { type Row, rulesOf } from '../../testing/rules-of.ts';",`import { ${s.def} } from './definition.ts';`,'',
   `const rules = rulesOf(${s.def}, \`\n${s.base}\n\`);`,'');
  const block=(title:string,rows0:[string,string[]][],call:string)=>{ const rows=rows0.filter(([,c])=>c.every(x=>x.length<=170));
    out.push(`test('${title}', () => {`,'  const rows: Row[] = [');
    for(const [k,c] of rows){ const one=`    [${[k,...c.map(q)].join(', ')}],`; if(one.length<=150) out.push(one); else {out.push(`    [${k},`); c.forEach((x,i)=>out.push(`      ${q(x)}${i===c.length-1?'],':','}`)); if(c.length===0) out[out.length-1]=`    [${k}],`; } }
    out.push('  ];',`  for (const [patch, ...causes] of rows) assert.deepEqual(${call}, causes, patch);`,'});','');
  };
  const c0=rules.create(); if(c0.causes.length) console.log('BASE BAD',s.dir,c0.causes);
  if(s.create) block(`a new ${s.what}`,[['\'\'',c0.causes] as any,...s.create.filter((p:string)=>p).map((p:string)=>[q(p),rules.create(p).causes])],'rules.create(patch).causes');
  const pairBlock=(title:string,list:any[],fn:(p:string,o?:string)=>any,call:string)=>{
    list=list.filter(x=>fn(...(typeof x==='string'?[x]:x) as [string]).causes.every((c:string)=>c.length<=170)); const simple=list.filter(x=>typeof x==='string'||!x[1]).map(x=>typeof x==='string'?x:x[0]); const pairs=list.filter(x=>typeof x!=='string'&&x[1]);
    out.push(`test('${title}', () => {`);
    if(simple.length){ out.push('  const rows: Row[] = ['); for(const p of simple){const c=fn(p).causes; const one=`    [${[q(p),...c.map(q)].join(', ')}],`; if(one.length<=150) out.push(one); else {out.push(`    [${q(p)},`); c.forEach((x:string,i:number)=>out.push(`      ${q(x)}${i===c.length-1?'],':','}`));}} out.push('  ];',`  for (const [patch, ...causes] of rows) assert.deepEqual(${call}(patch).causes, causes, patch);`);}
    for(const [p,o] of pairs){const c=fn(p,o).causes; const head=`  assert.deepEqual(${call}(${q(p)}, ${q(o)}).causes,`; const one=`${head} [${c.map(q).join(', ')}]);`; if(one.length<=150) out.push(one); else out.push(head,`    [${c.map(q).join(',\n      ')}]);`);}
    out.push('});','');
  };
  if(s.update) pairBlock(`a changed ${s.what}`,s.update,rules.update,'rules.update');
  if(s.status) pairBlock(`the status of a ${s.what}`,s.status,rules.updateStatus,'rules.updateStatus');
  for(const [n,ps] of s.sub??[]) { out.push(`test('${n} of a ${s.what}', () => {`); for(const p of ps){const c=rules.updateSubresource(n,p).causes; out.push(`  assert.deepEqual(rules.updateSubresource('${n}', ${q(p)}).causes, [${c.map(q).join(', ')}]);`);} out.push('});',''); }
  if(s.warnings) { out.push(`test('warnings about a ${s.what}', () => {`,'  const rows: Row[] = ['); for(const p of s.warnings){const w=rules.create(p).warnings; const one=`    [${[q(p),...w.map(q)].join(', ')}],`; if(one.length<=150) out.push(one); else {out.push(`    [${q(p)},`); w.forEach((x:string,i:number)=>out.push(`      ${q(x)}${i===w.length-1?'],':','}`));}} out.push('  ];','  for (const [patch, ...warnings] of rows) assert.deepEqual(rules.create(patch).warnings, warnings, patch);','});',''); }
  const text=out.join('\n').trimEnd()+'\n';
  const file=R+s.dir+'/definition.test.ts';
  if(write) { if(!existsSync(file)||process.argv[4]==='force') writeFileSync(file,text); } else console.log('=====',s.dir,'\n'+text);
}
